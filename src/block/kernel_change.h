// SPDX-License-Identifier: GPL-3.0-or-later
/* kernel_change.h: what the kernel must be told so that it knows the partitions of a new table.
 * Pure. For disk.c only. */
#ifndef BERTH_BLOCK_KERNEL_CHANGE_H
#define BERTH_BLOCK_KERNEL_CHANGE_H

#include "block/disk_kernel.h"

/* In the order in which they are done: what needs room comes after what gives it. */
enum kernel_op { KERNEL_DELETE, KERNEL_SHRINK, KERNEL_GROW, KERNEL_ADD };

struct kernel_change {
    enum kernel_op op;
    const struct kernel_partition *old; /* of the list given; NULL for KERNEL_ADD */
    struct disk_partition partition;    /* number and range as the kernel gets them; after a delete:
                                           what becomes of those bytes, number 0 when nothing */
};

/* Compares what the kernel has with the table's partitions. A partition that starts where it did
 * and keeps its number is resized, never deleted: it may be in use. Of an extended partition the
 * kernel shows 1 KiB or one sector (linux/block/partitions/msdos.c), and nothing where that would
 * lie over a logical one. *changes is new; it points into `now`. */
int kernel_changes(const struct kernel_partition *now, size_t n_now,
                   const struct disk_partition *wanted, size_t n_wanted, unsigned sector,
                   struct kernel_change **changes, size_t *n, struct err *e);

/* True for what the kernel shows of an extended partition. A real one of that size holds nothing
 * that could be in use, so that taking it for one does no harm. */
bool kernel_shows_extended(const struct kernel_partition *partition, unsigned sector);

#endif
