// SPDX-License-Identifier: GPL-3.0-or-later
/* superblock_copy.h: tells a copy of a superblock from the one that a filesystem begins with. */
#ifndef BERTH_FS_SUPERBLOCK_COPY_H
#define BERTH_FS_SUPERBLOCK_COPY_H

#include "block/blockdev.h"

#define EXT_SUPERBLOCK_AT 1024 /* bytes from the filesystem's beginning to the first of them */

/*
 * 1: at `at` a copy of a superblock begins, and the filesystem that it is of, of the kind *fs
 * ("ext", "xfs"), begins or began at *start of the same device; 0: none does; -1 with the err
 * filled. A copy of ext says in s_block_group_nr which block group it is in, the first one that it
 * is in group 0 (the kernel's ext4.h; e2fsprogs writes them so). The AGF that follows one of XFS in
 * the next sector has the allocation group's number (xfs_format.h).
 */
int superblock_copy_at(struct blockdev *bd, uint64_t at, const char **fs, uint64_t *start,
                       struct err *e);

#endif
