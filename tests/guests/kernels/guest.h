// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * guest.h: what a tiny kernel needs to test the machine it runs on. A kernel is one function,
 * guest_main; it returns when all is well, and the machine powers off (status 0). A check that
 * fails says its name on the serial line and reports a panic (status 11).
 *
 * It runs in long mode, memory mapped one to one, interrupts off: as the monitor starts it.
 */
#ifndef BERTH_TESTS_GUEST_H
#define BERTH_TESTS_GUEST_H

#include "hypervisor/machine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memset(void *to, int byte, unsigned long n);

/* ---- ports and memory ---- */

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t in16(uint16_t port)
{
    uint16_t value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t load32(uint64_t address)
{
    return *(volatile uint32_t *)address;
}

static inline void store32(uint64_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

static inline void store8(uint64_t address, uint8_t value)
{
    *(volatile uint8_t *)address = value;
}

static inline uint8_t load8(uint64_t address)
{
    return *(volatile uint8_t *)address;
}

static inline void store16(uint64_t address, uint16_t value)
{
    *(volatile uint16_t *)address = value;
}

static inline uint16_t load16(uint64_t address)
{
    return *(volatile uint16_t *)address;
}

/* ---- saying something ---- */

void say(const char *text);
void say_number(uint64_t number);

/* Ends the machine with a panic when the condition does not hold. */
#define CHECK(condition, name)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(name);                                                                            \
    } while (0)

_Noreturn void fail(const char *name);
_Noreturn void power_off(void);

/* The address of the boot parameters; the command line, from them. */
uint64_t boot_params(void);
const char *command_line(void);
bool command_line_has(const char *word);

/* ---- a virtio device ---- */

/* Of the common configuration. */
enum {
    DRIVER_FEATURE_SELECT = 8,
    DRIVER_FEATURE = 12,
    DEVICE_STATUS = 20,
    QUEUE_SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_VECTOR = 26,
    QUEUE_ENABLE = 28,
    QUEUE_RINGS = 32
};

#define RING 8 /* descriptors of a queue */

struct descriptor {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};

#define NEXT     1
#define WRITE    2 /* the device writes it */
#define INDIRECT 4

struct ring {
    struct descriptor descriptors[RING];
    struct {
        uint16_t flags, index, ring[RING], event;
    } available;
    struct __attribute__((aligned(4))) {
        volatile uint16_t flags, index;
        struct {
            volatile uint32_t id, bytes;
        } ring[RING];
        uint16_t event;
    } used;
} __attribute__((aligned(16)));

struct device {
    uint64_t config, common, notify, own, table; /* guest addresses */
    uint16_t id;
    struct ring *rings[2];
    uint16_t seen[2]; /* of each used ring */
};

/* Finds the device on the bus, by its virtio number; false when there is none. */
bool device_find(struct device *device, uint16_t id);

/* Resets it, accepts `features` (bits beside VERSION_1), sets n queues up, and starts it. */
void device_start(struct device *device, uint64_t features, unsigned n);

/* Makes the descriptors from `first` on available as one request and notifies. */
void device_submit(struct device *device, unsigned queue, uint16_t first);

/* Waits for the next used request; returns the bytes the device says it wrote, or -1 after a while.
 */
int64_t device_wait(struct device *device, unsigned queue);

uint8_t device_status(const struct device *device);

/* What each kernel has. */
void guest_main(void);

#endif
