// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * storage.h: the guest's disk as the monitor sees it: ranges of descriptors, side by side, that
 * cover it from end to end. Every byte goes by pread64 and pwrite64 at an offset that a system-call
 * filter can see; but where a descriptor's device has no other bytes (a partition's node), the
 * kernel knows its end, and one call takes all the places in memory that a request has.
 *
 * Large requests of a device go past the host's page cache, by a second descriptor: to copy them
 * and to find room for them there costs more than they are worth when they are asked for again. One
 * request goes one way: each piece that went the other would have to clear the cache of its
 * neighbours.
 */
#ifndef BERTH_HYPERVISOR_STORAGE_H
#define BERTH_HYPERVISOR_STORAGE_H

#include "core/err.h"
#include "core/overlay_store.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define STORAGE_ALIGNED 4096 /* memory and offsets: what any device takes past the page cache */
#define STORAGE_LARGE   (64U << 10) /* bytes from which on a request goes past it */

#define STORAGE_RANGES 160 /* 64 partitions, and what is between them */

/* `bytes` of the disk from `start` on are those of fd from `at` on. */
struct storage_range {
    uint64_t start, bytes, at;
    int32_t fd;
    int32_t direct; /* the same file, opened with O_DIRECT; 0: there is none */
};

struct storage {
    const struct storage_range *ranges; /* in order, without a gap */
    unsigned n_ranges;
    uint64_t bytes;
    uint32_t sector;              /* bytes */
    bool read_only;               /* what would change it fails */
    bool whole[STORAGE_RANGES];   /* the descriptor's device has no other bytes */
    bool flushed[STORAGE_RANGES]; /* nothing was written there since the last flush */
    struct overlay_store overlay; /* .map NULL: writes go to the ranges */
};

/* Finds out which ranges are whole devices. */
void storage_look(struct storage *storage);

/* Puts a copy-on-write file in front: `file` takes what is written, `map` says what is there, as
 * core/overlay_store.h has them; both stay the caller's. */
int storage_overlay(struct storage *storage, int file, int map, struct err *e);

/* All: bytes; false when the host failed (the guest's request fails; the machine goes on). What is
 * outside the disk fails. direct: past the page cache, where data, offset and bytes are aligned and
 * the disk has such a way; one answer for all pieces of a request. */
bool storage_move(struct storage *storage, bool write, uint64_t offset, void *data, uint64_t bytes,
                  bool direct);
bool storage_zero(struct storage *storage, uint64_t offset, uint64_t bytes);

/* The same for n places in memory, `bytes` in all, by one call. False when one call cannot, or did
 * not all of it: then it is to be done place by place, from the beginning. */
bool storage_at_once(struct storage *storage, bool write, uint64_t offset,
                     const struct iovec *places, unsigned n, uint64_t bytes, bool direct);

/* The range is about to be read: the host begins to, and the caller does not wait for it. Where the
 * range is in pieces, the first one only. */
void storage_expect(const struct storage *storage, uint64_t offset, uint64_t bytes);

/* Gives the range back to whoever has it; what it reads as afterwards is open. */
bool storage_discard(struct storage *storage, uint64_t offset, uint64_t bytes);

/* Everything that was written is on stable storage when it returns true. */
bool storage_flush(struct storage *storage);

#endif
