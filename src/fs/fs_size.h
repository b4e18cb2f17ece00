// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_size.h: how large the filesystem that begins somewhere says it is: where only that is asked,
 * and a whole partition is not known. */
#ifndef BERTH_FS_FS_SIZE_H
#define BERTH_FS_FS_SIZE_H

#include "block/blockdev.h"

/* 1: what begins at `at`, which libblkid calls `name`, says that it takes *bytes, be that more than
 * there are; 0: it does not say, or berth does not know where; -1 with the err filled. */
int fs_size_at(struct blockdev *bd, uint64_t at, const char *name, uint64_t *bytes, struct err *e);

#endif
