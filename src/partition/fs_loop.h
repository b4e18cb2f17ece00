// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_loop.h: a loop device of our own over a blockdev, for what only the kernel does. For fs_*.c
 * only. */
#ifndef BERTH_PARTITION_FS_LOOP_H
#define BERTH_PARTITION_FS_LOOP_H

#include "block/blockdev.h"

#define FS_LOOP_NODE 32

/* Makes one and returns its descriptor, with the last of which it goes; `node` is its path. The
 * device needs a descriptor (blockdev_fd_extent). Takes root. */
int fs_loop_open(struct blockdev *bd, bool writable, char node[FS_LOOP_NODE], struct err *e);

#endif
