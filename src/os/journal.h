// SPDX-License-Identifier: GPL-3.0-or-later
/* journal.h: whether a filesystem waits for its journal to be replayed: whoever mounted it last did
 * not unmount it. Its own kernel mends that; until then a reader sees an older state. */
#ifndef BERTH_OS_JOURNAL_H
#define BERTH_OS_JOURNAL_H

#include "block/blockdev.h"
#include "core/err.h"

#include <stdbool.h>

/* Looks at the filesystem that fills the device: the superblock of an ext filesystem, the log tree
 * of a btrfs, the last record of an XFS's log. What is none of them, or too damaged to tell, needs
 * nothing. Source: Linux Documentation/filesystems/ext4/super.rst, fs/btrfs/ (struct
 * btrfs_super_block); XFS Algorithms and Data Structures, "Journaling Log". */
int journal_needs_recovery(struct blockdev *root, bool *needs, struct err *e);

#endif
