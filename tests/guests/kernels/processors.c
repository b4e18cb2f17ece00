// SPDX-License-Identifier: GPL-3.0-or-later
/* processors.c: looks through the MADT, and starts one after the other. */
#include "processors.h"
#include "trampoline.h"

#define MADT          0x43495041 /* "APIC" */
#define MADT_ENTRIES  44
#define MADT_LOCAL    0 /* the kind of an entry that is a processor */
#define APIC_SPURIOUS (LOCAL_APIC + 0xf0)
#define APIC_ID       (LOCAL_APIC + 0x20)
#define ICR_LOW       (LOCAL_APIC + 0x300)
#define ICR_HIGH      (LOCAL_APIC + 0x310)
#define ICR_INIT      0x4500
#define ICR_START     0x4600
#define STACK_BYTES   4096
#define WAIT_TURNS    100000000

uint64_t processor_stack; /* of the one that is being started: trampoline.S takes it */

static uint8_t stacks[CPUS_MAX][STACK_BYTES] __attribute__((aligned(16)));
static void (*entry_of_all)(unsigned number);
static volatile unsigned running;

__attribute__((used)) void processor_main(void)
{
    unsigned number = running;

    __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    entry_of_all(number);
}

static uint64_t find_madt(void)
{
    uint64_t xsdt = *(volatile uint64_t *)(uint64_t)(ACPI_TABLES + 24);

    for (uint64_t at = xsdt + 36; at < xsdt + load32(xsdt + 4); at += 8) {
        uint64_t table = (uint64_t)load32(at) | (uint64_t)load32(at + 4) << 32;

        if (load32(table) == MADT)
            return table;
    }
    fail("there is a table of processors");
}

static void start(uint32_t apic)
{
    unsigned before = running;

    processor_stack = (uint64_t)stacks[before] + STACK_BYTES;
    store32(ICR_HIGH, apic << 24);
    store32(ICR_LOW, ICR_INIT);
    store32(ICR_HIGH, apic << 24);
    store32(ICR_LOW, ICR_START | TRAMPOLINE >> 12);
    for (unsigned i = 0; i < WAIT_TURNS && running == before; i++)
        __asm__ volatile("pause");
    CHECK(running == before + 1, "a processor starts");
}

unsigned processors_start(void (*entry)(unsigned number))
{
    uint64_t madt = find_madt();
    uint32_t own = load32(APIC_ID) >> 24;

    entry_of_all = entry;
    running = 1;
    for (const uint8_t *from = trampoline; from < trampoline_end; from++)
        store8((uint64_t)(TRAMPOLINE + (from - trampoline)), *from);
    store32(APIC_SPURIOUS, 0x1ff);
    for (uint64_t at = madt + MADT_ENTRIES; at < madt + load32(madt + 4); at += load8(at + 1))
        if (load8(at) == MADT_LOCAL && load32(at + 4) == 1 && load8(at + 3) != own)
            start(load8(at + 3));
    return running;
}
