// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * saved.c: writes numbered sectors and reads them back, again and again, with numbers in registers,
 * in memory, in the disk's queue and in the clock's memory; each further processor counts in a
 * register and in memory. Whoever goes on in the middle of it and finds one of them wrong says so.
 * A dot is DOT rounds. At the end it says whether it is another generation than at the start.
 */
#include "disk.h"
#include "processors.h"

#define ROUNDS     256
#define DOT        32
#define GENERATION 16 /* bytes of the generation id */
#define PIC_SECOND 0xa0
#define READ_IRR   0x0a
#define WAIT_TURNS 100000000

static struct device disk;
static uint32_t data[SECTOR / 4];
static uint32_t numbers[64 * 1024];
static volatile uint64_t counted[CPUS_MAX];
static uint8_t generation[GENERATION];

static void request(uint32_t type, uint64_t sector)
{
    CHECK(disk_request(&disk, type, sector, data, SECTOR) == OK, "the disk does it");
}

static void count(unsigned number)
{
    for (uint64_t n = 0;; n++) {
        CHECK(counted[number] == n, "a processor's count is its last one");
        counted[number] = n + 1;
    }
}

static void round(uint32_t n)
{
    for (unsigned i = 0; i < SECTOR / 4; i++)
        data[i] = n * 3 + i;
    request(OUT, n);
    memset(data, 0, sizeof(data));
    request(IN, n);
    for (unsigned i = 0; i < SECTOR / 4; i++)
        CHECK(data[i] == n * 3 + i, "reads what it wrote");
    numbers[n * 29 % (64 * 1024)] = n;
    out8(PORT_RTC, 0x60);
    CHECK(n == 0 || in8(PORT_RTC + 1) == (uint8_t)(n - 1),
          "the clock's memory has the last number");
    out8(PORT_RTC + 1, (uint8_t)n);
    CHECK(n == 0 || in8(PORT_SERIAL + 7) == (uint8_t)(n - 1),
          "the scratch register has the last number");
    out8(PORT_SERIAL + 7, (uint8_t)n);
}

static void counts_go_on(unsigned processors)
{
    for (unsigned number = 1; number < processors; number++) {
        uint64_t before = counted[number];

        for (unsigned i = 0; i < WAIT_TURNS && counted[number] == before; i++)
            __asm__ volatile("pause");
        CHECK(counted[number] > before, "each processor counts on");
    }
}

/* A new one is told by a general event, which raises ACPI's interrupt. */
static void look_at_generation(void)
{
    bool told = (in8(PORT_GPE) & 1 << GPE_GENERATION) != 0, raised, other = false;

    out8(PIC_SECOND, READ_IRR);
    raised = (in8(PIC_SECOND) & 1 << (IRQ_SCI - 8)) != 0;
    for (unsigned i = 0; i < GENERATION; i++)
        other |= load8(GENERATION_ID + i) != generation[i];
    CHECK(told == other && raised == other, "it is told when it is another generation");
    say(other ? "another generation\n" : "the same generation\n");
}

void guest_main(void)
{
    unsigned processors;

    CHECK(device_find(&disk, BLOCK), "there is a disk");
    device_start(&disk, 0, 1);
    for (unsigned i = 0; i < GENERATION; i++)
        generation[i] = load8(GENERATION_ID + i);
    out8(PORT_GPE + 1, 1 << GPE_GENERATION);
    processors = processors_start(count);
    for (uint32_t n = 0; n < ROUNDS; n++) {
        round(n);
        if (n % DOT == 0)
            say(".");
    }
    for (uint32_t n = 0; n < ROUNDS; n++)
        CHECK(numbers[n * 29 % (64 * 1024)] == n, "the memory is as it was");
    counts_go_on(processors);
    look_at_generation();
    say("done\n");
}
