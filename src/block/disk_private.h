// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_private.h: what disk.c (the router), disk_claim.c and disk_update.c share. For them only. */
#ifndef BERTH_BLOCK_DISK_PRIVATE_H
#define BERTH_BLOCK_DISK_PRIVATE_H

#include "block/disk_kernel.h"
#include "block/holder.h"
#include "block/identity.h"

struct route {
    struct kernel_partition kernel;
    struct blockdev *node; /* opened when first used; NULL until then */
    bool exclusive;        /* node is open for writing and O_EXCL */
};

struct disk {
    struct blockdev bd;
    struct blockdev *trace; /* above bd, or NULL */
    struct blockdev *whole;
    char *path;
    int fd; /* of its own: locks, ioctls */
    dev_t device;
    bool writable, sector_guessed;
    struct route *routes;
    size_t n_routes;
    struct extent *allowed;
    size_t n_allowed;
    struct disk_identity identity; /* as it was when a device was opened for writing */
    uint64_t sequence;             /* its number among all devices there have been, or 0 */
    struct extent may_shrink;      /* disk_let_shrink's; no bytes: none */
    enum {
        LOOPS_UNKNOWN,
        LOOPS_NONE,
        LOOPS_SOME
    } loops; /* that show it, when it was first asked */
};

extern const struct blockdev_ops disk_ops;

/* The partition that has the byte, NULL when none has; *end is where that ends. */
struct route *disk_route_at(struct disk *d, uint64_t offset, uint64_t *end);

/* Learns the kernel's partitions anew; nodes that are still right stay open, and exclusive. */
int disk_load_routes(struct disk *d, struct err *e);

/* Opens a partition's node for writing and O_EXCL, so that nobody can use it meanwhile; returns the
 * descriptor. ERR_IN_USE names who uses it: "WHAT is mounted on /srv". */
int disk_open_exclusive(const struct route *r, const char *what, struct err *e);

#endif
