// SPDX-License-Identifier: GPL-3.0-or-later
/* whole.c: writes over the whole disk, each 4 KiB with its own number in front, and reads all of it
 * back. */
#include "disk.h"

#define FILL  0xeeeeeeeeeeeeeeee
#define PAGE  4096
#define MUCH  (1 << 20) /* bytes of one request */
#define PAGES (MUCH / PAGE)
#define WORDS (MUCH / sizeof(uint64_t))

static struct device disk;
static uint64_t data[WORDS] __attribute__((aligned(PAGE)));

static uint8_t request(uint32_t type, uint32_t page)
{
    return disk_request(&disk, type, (uint64_t)page * (PAGE / SECTOR), data, MUCH);
}

static volatile uint64_t *page_at(uint32_t i)
{
    return &data[i * (PAGE / sizeof(uint64_t))];
}

static void write_at(uint32_t first)
{
    for (uint32_t i = 0; i < PAGES; i++)
        *page_at(i) = first + i;
    CHECK(request(OUT, first) == OK, "writes anywhere");
}

static void read_at(uint32_t first)
{
    for (uint32_t i = 0; i < PAGES; i++)
        *page_at(i) = page_at(i)[1] = 0;
    CHECK(request(IN, first) == OK, "reads anywhere");
    for (uint32_t i = 0; i < PAGES; i++)
        CHECK(*page_at(i) == first + i && page_at(i)[1] == FILL, "reads what it wrote");
}

void guest_main(void)
{
    uint32_t pages;

    CHECK(device_find(&disk, BLOCK), "there is a disk");
    CHECK(load32(disk.own) % (MUCH / SECTOR) == 0 && load32(disk.own) > 0, "it is whole requests");
    pages = load32(disk.own) / (PAGE / SECTOR);
    device_start(&disk, 0, 1);
    for (uint64_t i = 0; i < WORDS; i++)
        data[i] = FILL;
    for (uint32_t first = 0; first < pages; first += PAGES)
        write_at(first);
    CHECK(disk_request(&disk, FLUSH, 0, NULL, 0) == OK, "flushes");
    for (uint32_t first = 0; first < pages; first += PAGES)
        read_at(first);
    say("has all it wrote\n");
}
