// SPDX-License-Identifier: GPL-3.0-or-later
/* block.c: the disk. The harness gives one of 1 MiB whose sector n is full of the byte n % 251. */
#include "disk.h"

#define SECTORS 2048
#define PATTERN 251
#define MUCH    65536 /* bytes of a large request */

static struct device disk;
static struct disk_header header;
static uint8_t data[MUCH] __attribute__((aligned(4096))), status;

static uint8_t request(uint32_t type, uint64_t sector, uint32_t bytes)
{
    return disk_request(&disk, type, sector, data, bytes);
}

static bool is_full_of(const uint8_t *bytes, uint32_t n, uint8_t value)
{
    for (uint32_t i = 0; i < n; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

static void reads(void)
{
    CHECK(request(IN, 0, SECTOR) == OK && is_full_of(data, SECTOR, 0), "reads the first sector");
    CHECK(request(IN, 1000, 8 * SECTOR) == OK, "reads several sectors");
    for (unsigned i = 0; i < 8; i++)
        CHECK(is_full_of(data + i * SECTOR, SECTOR, (uint8_t)((1000 + i) % PATTERN)),
              "reads the right sectors");
    CHECK(request(IN, SECTORS - 1, SECTOR) == OK &&
              is_full_of(data, SECTOR, (SECTORS - 1) % PATTERN),
          "reads the last sector");
}

static void writes(void)
{
    memset(data, 0xa5, 2 * SECTOR);
    CHECK(request(OUT, 100, 2 * SECTOR) == OK, "writes");
    CHECK(request(FLUSH, 0, 0) == OK, "flushes");
    memset(data, 0, 4 * SECTOR);
    CHECK(request(IN, 99, 4 * SECTOR) == OK, "reads back");
    CHECK(is_full_of(data, SECTOR, 99), "leaves the sector before alone");
    CHECK(is_full_of(data + SECTOR, 2 * SECTOR, 0xa5), "has written");
    CHECK(is_full_of(data + 3 * SECTOR, SECTOR, 102), "leaves the sector behind alone");
}

static void trims(void)
{
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } *range = (void *)data;

    range->sector = 200;
    range->sectors = 16;
    range->flags = 0;
    CHECK(request(WRITE_ZEROES, 0, 16) == OK, "writes zeroes");
    CHECK(request(IN, 200, 8 * SECTOR) == OK && is_full_of(data, 8 * SECTOR, 0), "has zeroes");
    CHECK(request(IN, 216, SECTOR) == OK && is_full_of(data, SECTOR, 216), "zeroes no more");
    range->sector = 300;
    range->sectors = 8;
    range->flags = 0;
    CHECK(request(DISCARD, 0, 16) == OK, "discards");
    range->sector = SECTORS - 1;
    range->sectors = 2;
    CHECK(request(DISCARD, 0, 16) == IO_ERROR, "discards nothing behind the end");
}

static void refuses(void)
{
    CHECK(request(IN, SECTORS, SECTOR) == IO_ERROR, "reads nothing behind the end");
    CHECK(request(OUT, SECTORS - 1, 2 * SECTOR) == IO_ERROR, "writes nothing across the end");
    CHECK(request(IN, UINT64_MAX / SECTOR, SECTOR) == IO_ERROR, "reads nothing far away");
    CHECK(request(IN, UINT64_MAX, SECTOR) == IO_ERROR, "survives a sector that overflows");
    CHECK(request(77, 0, SECTOR) == UNSUPPORTED, "knows what it does not know");
    CHECK(request(GET_ID, 0, 20) == OK && data[0] == 'b', "has a serial number");
}

/* A request whose data is not memory: the device stands still until it is reset. */
static void breaks(void)
{
    struct descriptor *d = disk.rings[0]->descriptors;

    d[0] = (struct descriptor){(uint64_t)&header, 16, NEXT, 1};
    d[1] = (struct descriptor){0xd0000000, SECTOR, NEXT | WRITE, 2};
    device_submit(&disk, 0, 0);
    for (unsigned i = 0; i < 3000000 && (device_status(&disk) & 0x40) == 0; i++)
        ;
    CHECK((device_status(&disk) & 0x40) != 0, "needs a reset after a request that makes no sense");
    device_start(&disk, 0, 1);
    CHECK(request(IN, 5, SECTOR) == OK && is_full_of(data, SECTOR, 5), "works after a reset");
}

/* The same read by a table of descriptors of its own. */
static void reads_indirectly(void)
{
    static struct descriptor table[3];
    struct descriptor *d = disk.rings[0]->descriptors;

    header.type = IN;
    header.sector = 7;
    table[0] = (struct descriptor){(uint64_t)&header, 16, NEXT, 1};
    table[1] = (struct descriptor){(uint64_t)data, SECTOR, NEXT | WRITE, 2};
    table[2] = (struct descriptor){(uint64_t)&status, 1, WRITE, 0};
    d[0] = (struct descriptor){(uint64_t)table, sizeof(table), INDIRECT, 0};
    device_submit(&disk, 0, 0);
    CHECK(device_wait(&disk, 0) == SECTOR + 1 && is_full_of(data, SECTOR, 7), "reads indirectly");
}

/* In one piece there, and back into two that lie the other way round. */
static void moves_much(void)
{
    struct descriptor *d = disk.rings[0]->descriptors;
    uint8_t *second = data + MUCH / 2;

    memset(data, 0x3c, MUCH / 2);
    memset(second, 0xc3, MUCH / 2);
    CHECK(request(OUT, 1024, MUCH) == OK, "writes much");
    memset(data, 0, MUCH);
    header.type = IN;
    header.sector = 1024;
    d[0] = (struct descriptor){(uint64_t)&header, 16, NEXT, 1};
    d[1] = (struct descriptor){(uint64_t)second, MUCH / 2, NEXT | WRITE, 3};
    d[2] = (struct descriptor){(uint64_t)&status, 1, WRITE, 0};
    d[3] = (struct descriptor){(uint64_t)data, MUCH / 2, NEXT | WRITE, 2};
    device_submit(&disk, 0, 0);
    CHECK(device_wait(&disk, 0) == MUCH + 1, "reads much");
    CHECK(is_full_of(second, MUCH / 2, 0x3c) && is_full_of(data, MUCH / 2, 0xc3),
          "reads it back in pieces");
}

void guest_main(void)
{
    CHECK(device_find(&disk, BLOCK), "there is a disk");
    CHECK(load32(disk.own) == SECTORS && load32(disk.own + 4) == 0, "the disk has its size");
    device_start(&disk, 0, 1);
    reads();
    if (command_line_has("reads-only"))
        return;
    writes();
    moves_much();
    trims();
    refuses();
    reads_indirectly();
    breaks();
}
