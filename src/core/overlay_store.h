// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * overlay_store.h: where an overlay (block/overlay.h) keeps what was written, and how others find
 * it: the preloaded library (preload/overlay.c) in a tool's process, and the monitor. Needs nothing
 * but the C library.
 *
 * A block is either wholly below or wholly in the file: its bit in the map says which. The map is
 * shared by all processes that have the overlay open. Bits are only ever set, and only after the
 * block is in the file.
 */
#ifndef BERTH_CORE_OVERLAY_STORE_H
#define BERTH_CORE_OVERLAY_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVERLAY_BLOCK 4096U /* bytes */

/* What a tool's environment has for the library: paths of the file, the map, and what is below. */
#define OVERLAY_ENV_FILE  "BERTH_OVERLAY_FILE"
#define OVERLAY_ENV_MAP   "BERTH_OVERLAY_MAP"
#define OVERLAY_ENV_BELOW "BERTH_OVERLAY_BELOW"

/* Set to anything: the tool reads what others wrote, and gets nothing but that. */
#define OVERLAY_ENV_JAIL "BERTH_OVERLAY_JAIL"

/* The map, in memory that has a path; all sizes in bytes. */
struct overlay_map {
    uint64_t bytes;       /* of the overlay */
    uint64_t below_bytes; /* of the device below; behind them it reads as zeros */
    uint64_t below_start; /* where that device starts in what OVERLAY_ENV_BELOW names; a part of it
                             that a tool sees may lie there as if it started before 0 */
    uint64_t tools;       /* how many processes have had the library */
    uint64_t shown_start, shown_bytes; /* the part of the overlay that a tool sees */
    uint64_t unused[506];
    uint64_t bits[]; /* bit n%64 of word n/64: block n is in the file */
};

struct overlay_store {
    struct overlay_map *map;
    int fd;
    /* Reads n bytes of what is below, all within below_bytes. -1 on failure. */
    int (*read_below)(void *arg, void *buf, size_t n, uint64_t offset);
    pthread_mutex_t filling; /* one block at a time is completed from below */
};

/* Bytes that the map of an overlay of so many bytes takes. */
size_t overlay_map_bytes(uint64_t bytes);

/* The first block from `block` on, below `end`, whose bit is `here`; `end` when there is none. */
uint64_t overlay_map_find(const struct overlay_map *map, uint64_t block, uint64_t end, bool here);

/* Clears the bits of all blocks that lie wholly behind so many bytes. */
void overlay_map_forget(struct overlay_map *map, uint64_t bytes);

/* Ranges lie within the overlay; `arg` is handed to read_below. -1 when that failed, or errno says
 * what is wrong with the file. */
int overlay_store_read(struct overlay_store *store, void *arg, void *buf, size_t n,
                       uint64_t offset);
int overlay_store_write(struct overlay_store *store, void *arg, const void *buf, size_t n,
                        uint64_t offset);
int overlay_store_zero(struct overlay_store *store, void *arg, uint64_t offset, uint64_t bytes);

#endif
