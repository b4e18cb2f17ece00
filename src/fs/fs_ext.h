// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_ext.h: what is the same for ext2, ext3 and ext4 (struct fs_ops says what each does). For
 * fs_ext*.c only. */
#ifndef BERTH_FS_FS_EXT_H
#define BERTH_FS_FS_EXT_H

#include "fs/fs.h"

int fs_ext_ready(struct blockdev *bd, struct err *e);
int fs_ext_written(struct blockdev *bd, uint64_t *seconds, struct err *e);
int fs_ext_free_blocks(struct blockdev *bd, struct fs_free *free, struct err *e);

/* What the superblock and the group descriptors say of its size. */
struct fs_ext_size {
    uint64_t block;  /* bytes */
    uint64_t blocks; /* of the whole filesystem */
    uint64_t least;  /* blocks it needs by our estimate */
    uint64_t floor;  /* blocks that what is in use takes by itself */
    uint64_t most;   /* blocks its numbers have room for */
};
int fs_ext_size(struct blockdev *bd, struct fs_ext_size *size, struct err *e);

int fs_ext_check(struct blockdev *bd, struct err *e);
int fs_ext_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e);
int fs_ext_resize(struct blockdev *overlay, uint64_t bytes, struct err *e);
int fs_ext_grow_mounted(const char *node, const char *mountpoint, struct err *e);

#endif
