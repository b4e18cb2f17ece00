// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_ext4.h: makes an empty ext4. */
#ifndef BERTH_FS_FS_EXT4_H
#define BERTH_FS_FS_EXT4_H

#include "fs/fs.h"

/*
 * Makes an ext4 that fills the device: hash seed derived from the UUID, 4096-byte blocks, metadata
 * checksums, and only features that Linux 5.10 and GRUB 2.06 read. The same options, size and
 * SOURCE_DATE_EPOCH give the same bytes.
 *
 * What the device held before does not matter and need not be zeros: everything that the kernel or
 * e2fsck reads is written. Does not flush: the caller does, when it has filled the filesystem.
 * ERR_NO_SPACE when the device is too small, ERR_USAGE for a label of more than 16 bytes.
 */
int fs_ext4_make(struct blockdev *bd, const struct fs_options *options, struct err *e);

#endif
