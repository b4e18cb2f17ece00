// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * bus.h: who answers at which port or address. Filled before the first CPU runs and constant from
 * then on, so it needs no lock; each device has its own.
 */
#ifndef BERTH_HYPERVISOR_BUS_H
#define BERTH_HYPERVISOR_BUS_H

#include <stdint.h>

#define BUS_MAX 16

/* What answers in one range. offset: from the range's start; n: 1 to 8 bytes, all of them within
 * the range. */
struct bus_range {
    uint64_t start, bytes;
    void (*read)(void *device, uint64_t offset, uint8_t *data, unsigned n);
    void (*write)(void *device, uint64_t offset, const uint8_t *data, unsigned n);
    void *device;
};

struct bus {
    struct bus_range ranges[BUS_MAX];
    unsigned n;
};

/* Adds a range. There is room for everything a machine can have (BUS_MAX). */
void bus_add(struct bus *bus, const struct bus_range *range);

/* Where nobody answers, reads give ones and writes are lost, as on real hardware. */
void bus_read(const struct bus *bus, uint64_t address, uint8_t *data, unsigned n);
void bus_write(const struct bus *bus, uint64_t address, const uint8_t *data, unsigned n);

/* The little-endian number in n (at most 8) bytes, and back. */
uint64_t bus_number(const uint8_t *data, unsigned n);
void bus_bytes(uint64_t number, uint8_t *data, unsigned n);

#endif
