// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * memory.c: writes into each 64 MiB of the memory that the map names, beyond 4 GiB too, and finds
 * in each what it wrote there: no two are the same. Source: Linux Documentation/x86/boot.rst,
 * zero-page.rst.
 */
#include "guest.h"

#define MAP_ENTRIES 0x1e8 /* in the boot parameters */
#define MAP         0x2d0
#define RAM         1
#define MIB         ((uint64_t)1 << 20)
#define GIB         (MIB << 10)
#define HUGE_PAGE   (2 * MIB)
#define STEP        (64 * MIB)
#define ENTRIES     512        /* of a page table */
#define OWN_END     (32 * MIB) /* below is this kernel, and what it was started with */
#define BEYOND      (4 * GIB)

struct __attribute__((packed)) range {
    uint64_t start, bytes;
    uint32_t type;
};

static uint64_t directory[ENTRIES] __attribute__((aligned(4096)));

/* The monitor's page tables end at 4 GiB: one more GiB, each address itself. */
static void map_beyond(void)
{
    volatile uint64_t *pointers = (volatile uint64_t *)(uint64_t)(BOOT_PAGE_TABLES + 0x1000);

    for (uint64_t i = 0; i < ENTRIES; i++)
        directory[i] = (BEYOND + i * HUGE_PAGE) | 0x83;
    pointers[4] = (uint64_t)directory | 0x03;
}

/* A word holds its own address. */
static void try_word(uint64_t at, bool writes)
{
    if (writes)
        *(volatile uint64_t *)at = at;
    CHECK(*(volatile uint64_t *)at == at, "keeps what is written");
}

/* The first word of each STEP, and the last one of all. Returns the bytes. */
static uint64_t try_range(const struct range *range, bool writes)
{
    uint64_t start = range->start < OWN_END ? OWN_END : range->start;
    uint64_t end = range->start + range->bytes;

    for (uint64_t at = start; at < end; at += STEP)
        try_word(at, writes);
    try_word(end - sizeof(uint64_t), writes);
    return end - start;
}

/* What of the map's memory begins there; all of it first written, then read. */
static uint64_t try_memory(bool beyond, bool writes)
{
    const struct range *map = (const struct range *)(boot_params() + MAP);
    uint64_t bytes = 0;

    for (unsigned i = 0; i < load8(boot_params() + MAP_ENTRIES); i++) {
        const struct range *range = &map[i];

        CHECK(range->start + range->bytes <= BEYOND + GIB, "the map ends where it should");
        if (range->type == RAM && range->start + range->bytes > OWN_END &&
            (range->start >= BEYOND) == beyond)
            bytes += try_range(range, writes);
    }
    return bytes;
}

void guest_main(void)
{
    map_beyond();
    try_memory(false, true);
    try_memory(true, true);
    say_number((try_memory(false, false) + OWN_END) / MIB);
    say(" MiB below 4 GiB, ");
    say_number(try_memory(true, false) / MIB);
    say(" beyond\n");
}
