// SPDX-License-Identifier: GPL-3.0-or-later
/* zfs.h: the labels by which ZFS recognises its disks (ZFS On-Disk Specification, chapter 1). */
#ifndef BERTH_FS_ZFS_H
#define BERTH_FS_ZFS_H

#include "block/blockdev.h"

#define ZFS_MAGIC_BYTES 8 /* of an uberblock's magic */

/* 1 when one of the four labels is there, 0 when none is. Cheap: reads a few bytes of each. */
int zfs_is_labelled(struct blockdev *bd, struct extent range, struct err *e);

/* Where in the range (bytes from its start) the magics of all uberblocks are; *places is new. */
int zfs_uberblocks(struct blockdev *bd, struct extent range, uint64_t **places, size_t *n,
                   struct err *e);

#endif
