// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * saved.c: writes numbered sectors and reads them back, again and again, with numbers in registers,
 * in memory, in the disk's queue and in the clock's memory. Whoever goes on in the middle of it and
 * finds one of them wrong says so. A dot is DOT rounds.
 */
#include "guest.h"

#define BLOCK  2
#define SECTOR 512
#define ROUNDS 512
#define DOT    64

static struct device disk;
static struct {
    uint32_t type, reserved;
    uint64_t sector;
} header;
static uint32_t data[SECTOR / 4], status;
static uint32_t numbers[64 * 1024];

static void request(uint32_t type, uint64_t sector)
{
    struct descriptor *d = disk.rings[0]->descriptors;

    header.type = type;
    header.sector = sector;
    status = 0xee;
    d[0] = (struct descriptor){(uint64_t)&header, 16, NEXT, 1};
    d[1] = (struct descriptor){(uint64_t)data, SECTOR, NEXT | (type == 0 ? WRITE : 0), 2};
    d[2] = (struct descriptor){(uint64_t)&status, 1, WRITE, 0};
    device_submit(&disk, 0, 0);
    CHECK(device_wait(&disk, 0) >= 0, "the disk answers");
    CHECK((*(volatile uint32_t *)&status & 0xff) == 0, "the disk does it");
}

static void round(uint32_t n)
{
    for (unsigned i = 0; i < SECTOR / 4; i++)
        data[i] = n * 3 + i;
    request(1, n);
    memset(data, 0, sizeof(data));
    request(0, n);
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

void guest_main(void)
{
    CHECK(device_find(&disk, BLOCK), "there is a disk");
    device_start(&disk, 0, 1);
    for (uint32_t n = 0; n < ROUNDS; n++) {
        round(n);
        if (n % DOT == 0)
            say(".");
    }
    for (uint32_t n = 0; n < ROUNDS; n++)
        CHECK(numbers[n * 29 % (64 * 1024)] == n, "the memory is as it was");
    say("done\n");
}
