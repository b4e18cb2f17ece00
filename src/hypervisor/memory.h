// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * memory.h: the guest's RAM, and the one gate to it. Every access names address and length; what
 * is not wholly RAM is NULL, which a device takes for a fault of the guest.
 *
 * Guest addresses are numbers, never pointers; nothing else in the monitor computes a host pointer
 * from one.
 */
#ifndef BERTH_HYPERVISOR_MEMORY_H
#define BERTH_HYPERVISOR_MEMORY_H

#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_PAGE 4096

struct memory {
    uint8_t *base;   /* of one mapping: first what is below the hole, then what is above */
    uint64_t bytes;  /* of RAM */
    uint64_t low;    /* of these, below the hole */
    uint64_t *dirty; /* a bit for each page written through the gate, or NULL: not kept */
};

/* Makes it: anonymous, in huge pages where the kernel has them, congruent to guest addresses modulo
 * 2 MiB. `bytes` is a whole number of MiB. */
int memory_make(struct memory *memory, uint64_t bytes, struct err *e);

/* Where the guest's `length` bytes at `address` are, to read; NULL unless all of them are RAM. */
const void *memory_read_at(const struct memory *memory, uint64_t address, uint64_t length);

/* The same to write: those pages count as dirty. */
void *memory_write_at(const struct memory *memory, uint64_t address, uint64_t length);

/* Copies out of or into the guest's memory; false when it is not RAM. */
bool memory_get(const struct memory *memory, uint64_t address, void *data, uint64_t length);
bool memory_put(const struct memory *memory, uint64_t address, const void *data, uint64_t length);

/* Tells KVM about it: one slot below the hole, one above. */
int memory_register(const struct memory *memory, int vm, struct err *e);

/* From now on keeps the dirty bits. */
int memory_track(struct memory *memory, struct err *e);

#endif
