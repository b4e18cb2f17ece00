// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_loop.h: a loop device of our own over a blockdev, for what only the kernel does. For fs_*.c
 * only. */
#ifndef BERTH_FS_FS_LOOP_H
#define BERTH_FS_FS_LOOP_H

#include "block/blockdev.h"

#define FS_LOOP_NODE 32

/* Makes one and returns its descriptor, with the last of which it goes; `node` is its path. The
 * device needs a descriptor (blockdev_fd_extent). Takes root. Closed with fs_loop_close. */
int fs_loop_open(struct blockdev *bd, bool writable, char node[FS_LOOP_NODE], struct err *e);

/* Waits, for up to two seconds, until the kernel has taken the loop device away: a mount that goes
 * with its namespace, or a udev that looks at it, holds it a little longer, and the next command
 * would find the file in use. -1 is allowed. */
void fs_loop_close(int loop);

#endif
