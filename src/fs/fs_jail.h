// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_jail.h: reads what others wrote, in the jail (core/jail.h). For fs_*.c only. */
#ifndef BERTH_FS_FS_JAIL_H
#define BERTH_FS_FS_JAIL_H

#include "fs/fs.h"

/* Reads the filesystem on the device and fills *result, which is all zeros and shared memory. */
typedef int fs_jail_fn(struct blockdev *bd, void *result, struct err *e);

/* Runs fn in the jail and copies its result, so many bytes. What it holds is not to be trusted. */
int fs_jail_read(struct blockdev *bd, fs_jail_fn *fn, void *result, size_t bytes, struct err *e);

/* What a reader of free blocks gets. First with n 0: it fills `block` and `blocks`. Then
 * with room for n bytes of bits: it fills those. */
struct fs_jail_bits {
    uint64_t block, blocks;
    uint64_t n;
    uint8_t bits[];
};

/* fs_ops.free_blocks by such a reader. */
int fs_jail_free_blocks(struct blockdev *bd, fs_jail_fn *fn, struct fs_free *free, struct err *e);

#endif
