// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_ext4.h: makes an empty ext4. */
#ifndef BERTH_PARTITION_FS_EXT4_H
#define BERTH_PARTITION_FS_EXT4_H

#include "block/blockdev.h"
#include "core/err.h"
#include "core/guid.h"

struct fs_ext4_options {
    struct guid uuid;  /* its text is the filesystem's UUID; the hash seed is derived from it */
    const char *label; /* at most 16 bytes, or NULL */
};

/*
 * Makes an ext4 that fills the device: 4096-byte blocks, metadata checksums, and only features that
 * Linux 5.10 and GRUB 2.06 read. The same options, size and SOURCE_DATE_EPOCH give the same bytes.
 *
 * What the device held before does not matter and need not be zeros: everything that the kernel or
 * e2fsck reads is written. Does not flush: the caller does, when it has filled the filesystem.
 * ERR_NO_SPACE when the device is too small.
 */
int fs_ext4_make(struct blockdev *bd, const struct fs_ext4_options *options, struct err *e);

#endif
