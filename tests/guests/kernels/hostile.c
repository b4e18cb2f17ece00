// SPDX-License-Identifier: GPL-3.0-or-later
/* hostile.c: does what no driver would, and finds the device as it should be afterwards. With
 * "flood" on the command line it never ends, and keeps the disk as busy as it can. */
#include "guest.h"

#define BLOCK 2
#define RNG   4
#define BYTES 64

#define NEEDS_RESET 0x40
#define TURNS       3000000
#define FREE_PLACE  0x2000000
#define LONG_READ   (4 << 20)

static struct device rng;
static uint8_t data[BYTES];

static void ask(struct descriptor d)
{
    rng.rings[0]->descriptors[0] = d;
    device_submit(&rng, 0, 0);
}

static bool works(void)
{
    device_start(&rng, 0, 1);
    ask((struct descriptor){(uint64_t)data, BYTES, WRITE, 0});
    return device_wait(&rng, 0) == BYTES;
}

static bool needs_reset(void)
{
    for (unsigned i = 0; i < TURNS && (device_status(&rng) & NEEDS_RESET) == 0; i++)
        ;
    return (device_status(&rng) & NEEDS_RESET) != 0;
}

/* ---- the life of a device ---- */

static void queue_of(uint16_t size)
{
    store8(rng.common + DEVICE_STATUS, 0);
    store8(rng.common + DEVICE_STATUS, 1 | 2);
    store16(rng.common + QUEUE_SELECT, 0);
    store16(rng.common + QUEUE_SIZE, size);
    store16(rng.common + QUEUE_ENABLE, 1);
}

static void sizes(void)
{
    static const uint16_t wrong[] = {0, 3, 7, 257, 512, 0x8000, 0xffff};

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        queue_of(wrong[i]);
        CHECK(needs_reset() && load16(rng.common + QUEUE_ENABLE) == 0,
              "a queue of a wrong size is not taken");
    }
    store16(rng.common + QUEUE_SELECT, 0xffff);
    CHECK(load16(rng.common + QUEUE_SIZE) == 0, "there is no queue 65535");
    store16(rng.common + QUEUE_ENABLE, 1);
    CHECK(works(), "works after queues of wrong sizes");
}

/* Rings that are not memory: in the hole, behind the end, around the end of all addresses. */
static void places(void)
{
    static const uint64_t wrong[] = {0xc0000000, 0x100000000, 0x4000000, 0xfffffffffffffff0,
                                     0x1001};

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        store8(rng.common + DEVICE_STATUS, 0);
        store16(rng.common + QUEUE_SELECT, 0);
        store32(rng.common + QUEUE_RINGS, (uint32_t)wrong[i]);
        store32(rng.common + QUEUE_RINGS + 4, (uint32_t)(wrong[i] >> 32));
        store16(rng.common + QUEUE_ENABLE, 1);
        CHECK(needs_reset(), "a queue that is not in memory is not taken");
    }
    CHECK(works(), "works after queues elsewhere");
}

static void order(void)
{
    store8(rng.common + DEVICE_STATUS, 0);
    store8(rng.common + DEVICE_STATUS, 4);
    CHECK((device_status(&rng) & 4) == 0, "does not start before features were agreed on");
    store32(rng.common + DRIVER_FEATURE_SELECT, 1);
    store32(rng.common + DRIVER_FEATURE, 1 | 1U << 31);
    store8(rng.common + DEVICE_STATUS, 1 | 2 | 8);
    CHECK((device_status(&rng) & 8) == 0, "does not agree to what it does not offer");
    CHECK(works(), "works after a strange start");
    store32(rng.common + DRIVER_FEATURE_SELECT, 1);
    store32(rng.common + DRIVER_FEATURE, 1 | 1U << 31);
    CHECK(load32(rng.common + DRIVER_FEATURE) == 1, "keeps the features while it runs");
}

/* ---- chains ---- */

static void chains(void)
{
    static struct descriptor table[2];
    static const struct descriptor wrong[] = {
        {0xd0000000, BYTES, WRITE, 0},                 /* a window's place */
        {0xfffffffffffffff0, BYTES, WRITE, 0},         /* around the end of all addresses */
        {0x3ffffe0, BYTES, WRITE, 0},                  /* across the end of memory */
        {0x1000000, 0xffffffff, WRITE, 0},             /* 4 GiB */
        {(uint64_t)data, BYTES, WRITE | NEXT, 0},      /* its own next */
        {(uint64_t)data, BYTES, WRITE | NEXT, RING},   /* behind the table */
        {(uint64_t)table, sizeof(table), INDIRECT, 0}, /* a table of tables: below */
        {(uint64_t)table, 24, INDIRECT, 0},            /* one and a half */
        {(uint64_t)table, 0, INDIRECT, 0},             /* none */
        {0x3fffff0, 32, INDIRECT, 0},                  /* half outside */
        {(uint64_t)table, 32, INDIRECT | NEXT, 1},     /* and more behind */
    };

    table[0] = (struct descriptor){(uint64_t)table, sizeof(table), INDIRECT, 0};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        device_start(&rng, 0, 1);
        ask(wrong[i]);
        CHECK(needs_reset(), "a chain that makes no sense breaks the device");
    }
    device_start(&rng, 0, 1);
    rng.rings[0]->available.index = RING + 1;
    store16(rng.notify, 0);
    CHECK(needs_reset(), "more requests than there is room for break the device");
    CHECK(works(), "works after chains that make no sense");
}

static void resets(void)
{
    for (unsigned i = 0; i < 200; i++) {
        device_start(&rng, 0, 1);
        ask((struct descriptor){(uint64_t)data, BYTES, WRITE, 0});
        store8(rng.common + DEVICE_STATUS, 0);
        CHECK(device_status(&rng) == 0, "is reset whatever it does");
    }
    CHECK(works(), "works after resets in the middle");
}

/* ---- registers ---- */

static void access(uint64_t at)
{
    volatile uint64_t *whole = (volatile uint64_t *)at;

    (void)load8(at);
    (void)load16(at);
    (void)load32(at);
    (void)*whole;
    store8(at, 0xff);
    store16(at, 0xffff);
    store32(at, 0xffffffff);
    *whole = ~(uint64_t)0;
}

/* Every page of the window and its border, in every width; then the vector table. */
static void registers(void)
{
    uint64_t window = load32(rng.config + 0x10), table = window + 0x4000;

    for (uint64_t at = 0; at < 0x8000; at += 0x1000) {
        access(window + at);
        access(window + at + 0xff9);
    }
    for (uint64_t at = 0; at < 64; at++)
        access(table + at);
    access(window + 0x7ffd);
    store16(rng.config + 0x42, 0xffff);
    for (uint64_t at = 0; at < 0x100; at += 4)
        if (at != 0x10)
            store32(rng.config + at, 0xffffffff);
    CHECK(load32(rng.config) == ((0x1040 + RNG) << 16 | 0x1af4), "keeps its name");
    store32(table + 12, 0);
    store8(window + 0x5000, 0xff);
    CHECK(load8(window + 0x5000) == 0, "pending bits cannot be written");
    CHECK(works(), "works after nonsense in its registers");
}

/* VIRTIO 1.2, 4.1.4.9: the window, through a capability. */
static void indirectly(void)
{
    uint64_t at = rng.config + load8(rng.config + 0x34);

    while (at != rng.config && load8(at + 3) != 5)
        at = rng.config + load8(at + 1);
    CHECK(at != rng.config, "the window can be reached through the configuration space");
    store16(rng.config + 4, 0); /* also when it is nowhere */
    store8(at + 4, 0);
    store32(at + 8, DEVICE_STATUS);
    store32(at + 12, 1);
    store8(at + 16, 0);
    store8(at + 16, 3);
    store32(at + 8, DEVICE_STATUS);
    CHECK(load8(at + 16) == 3, "a register is written and read through it");
    store32(at + 8, 18);
    store32(at + 12, 2);
    CHECK(load16(at + 16) == 1, "a register of two bytes is read through it");
    for (uint32_t length = 0; length < 16; length++) {
        store32(at + 8, 0x7ffe + length % 4);
        store32(at + 12, length);
        store32(at + 16, 0xffffffff);
    }
    store8(at + 4, 1);
    store32(at + 8, 0xfffffffc);
    store32(at + 12, 0xffffffff);
    store32(at + 16, 0);
    store16(rng.config + 4, 6);
    CHECK(works(), "works after nonsense through the configuration space");
}

static void strings(void)
{
    static uint8_t text[] = "by string\n", clock[256];
    const uint8_t *from = text;
    uint8_t *to = clock;
    uint64_t n = sizeof(text) - 1;

    __asm__ volatile("rep outsb" : "+S"(from), "+c"(n) : "d"(PORT_SERIAL) : "memory");
    n = sizeof(clock);
    out8(PORT_RTC, 0x0d);
    __asm__ volatile("rep insb" : "+D"(to), "+c"(n) : "d"(PORT_RTC + 1) : "memory");
    CHECK(clock[0] == 0x80 && clock[255] == 0x80, "a port is read again and again");
    n = sizeof(clock) / 4;
    to = clock;
    __asm__ volatile("rep insl" : "+D"(to), "+c"(n) : "d"(PORT_PM_CNT - 2) : "memory");
    CHECK(clock[2] == 1 && clock[254] == 1, "a port of four bytes is read by four");
    from = clock;
    n = sizeof(clock) / 4;
    __asm__ volatile("rep outsl" : "+S"(from), "+c"(n) : "d"(PORT_RTC + 1) : "memory");
    for (uint32_t port = 0; port < 0x1000; port++)
        if (port != PORT_I8042 && port != PORT_PANIC)
            (void)in16((uint16_t)port);
}

/* ---- without an end ---- */

/* A disk's queue is full of long reads, whatever it has done of them. */
static _Noreturn void flood(void)
{
    static const uint32_t header[4]; /* reads from the first sector on */
    static struct device disk;
    struct descriptor *d;
    struct ring *ring;

    CHECK(device_find(&disk, BLOCK), "there is a disk");
    device_start(&disk, 0, 1);
    ring = disk.rings[0];
    d = ring->descriptors;
    d[0] = (struct descriptor){(uint64_t)header, sizeof(header), NEXT, 1};
    for (uint16_t i = 1; i < RING - 1; i++)
        d[i] = (struct descriptor){FREE_PLACE, LONG_READ, WRITE | NEXT, (uint16_t)(i + 1)};
    d[RING - 1] = (struct descriptor){(uint64_t)data, 1, WRITE, 0};
    ring->available.index = RING;
    store16(disk.notify, 0);
    say("busy\n");
    for (;;) {
        ring->available.index = (uint16_t)(ring->used.index + RING);
        __asm__ volatile("" : : : "memory");
    }
}

void guest_main(void)
{
    CHECK(device_find(&rng, RNG), "there is a device of randomness");
    if (command_line_has("flood"))
        flood();
    sizes();
    places();
    order();
    chains();
    resets();
    registers();
    indirectly();
    strings();
}
