// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * view.h: the virtual disk a running guest sees. It has the disk's geometry; the guest's own
 * partitions are the disk's, at the same offsets, and every other byte is a private device's.
 */
#ifndef BERTH_RUN_VIEW_H
#define BERTH_RUN_VIEW_H

#include "block/blockdev.h"
#include "core/err.h"
#include "hypervisor/storage.h"
#include "model/extent.h"

#include <stddef.h>

/* Stacks the view over two devices of the same size, neither of which it owns. own: the ranges that
 * are the disk's, in any order; ERR_FAILED when they overlap or do not lie inside. Requests are cut
 * at their borders, so that no byte of the disk outside them is ever read or written. */
struct blockdev *view_open(struct blockdev *disk, struct blockdev *private_disk,
                           const struct extent *own, size_t n_own, struct err *e);

/* The view as ranges of the descriptors behind it, for who reads and writes them itself: in order,
 * without a gap, at most STORAGE_RANGES. Returns how many, -1 on failure. */
int view_ranges(struct blockdev *view, struct storage_range *ranges, struct err *e);

#endif
