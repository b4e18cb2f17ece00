// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_resize.h: changes the size of a FAT filesystem. No tool of Debian's does it for FAT12, for
 * all cluster sizes, and from FAT16 to FAT32. For fs_vfat.c only; struct fs_ops says what they do.
 */
#ifndef BERTH_FS_FAT_RESIZE_H
#define BERTH_FS_FAT_RESIZE_H

#include "fs/fs.h"

int fat_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e);
int fat_free_blocks(struct blockdev *bd, struct fs_free *free_blocks, struct err *e);

/* Without looking through it before or after. ERR_VERIFY when it is not sound. */
int fat_resize(struct blockdev *bd, uint64_t bytes, struct err *e);

#endif
