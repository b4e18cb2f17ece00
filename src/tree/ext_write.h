// SPDX-License-Identifier: GPL-3.0-or-later
/* ext_write.h: fills a fresh ext4 fast. */
#ifndef BERTH_TREE_EXT_WRITE_H
#define BERTH_TREE_EXT_WRITE_H

#include "tree/tree.h"

/*
 * A tree with put, remove and sync over a device that holds an ext4 as fs_ext4_make leaves it. NULL
 * with the err filled on failure. Does not own the device.
 *
 * put replaces as tar does: a file over anything but a folder with content, a folder over a folder
 * keeps the content, and a folder over a symlink that leads to a folder is that folder. No path is
 * followed through a symlink. Missing parents become 0755 root. Errors name the path:
 * ERR_REFUSED for a hostile one, ERR_NO_SPACE, ERR_UNSUPPORTED for what ext4 cannot have.
 *
 * Content is written while it comes; all else in sync, which also flushes the device: until it
 * has returned 0 the device holds no usable filesystem. After it, or after a put that failed in
 * mid-content, the tree only closes. The same entries, UUID and SOURCE_DATE_EPOCH (which ctime and
 * birth times are) give the same bytes.
 */
struct tree *ext_write_open(struct blockdev *bd, struct err *e);

#endif
