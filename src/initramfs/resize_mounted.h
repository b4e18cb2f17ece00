// SPDX-License-Identifier: GPL-3.0-or-later
/* resize_mounted.h: filesystems that change their size only while they are mounted: privately here
 * as root (fs_resize_by_mount), else in a virtual machine (appliance.h). */
#ifndef BERTH_INITRAMFS_RESIZE_MOUNTED_H
#define BERTH_INITRAMFS_RESIZE_MOUNTED_H

#include "block/disk.h"
#include "core/ui.h"
#include "fs/fs.h"

/* Which way is open to us: 0 here, 1 in a virtual machine, -1 neither: ERR_REFUSED with the way
 * out.
 */
int resize_mounted_check(const struct fs_ops *fs, struct err *e);

struct mounted_resize {
    struct disk *disk;
    struct blockdev *bd; /* the partition's bytes */
    struct extent range; /* the same on the disk, claimed; it is claimed afterwards, too */
    const char *what;    /* the partition, for messages */
    const struct fs_ops *fs;
    uint64_t bytes; /* what it shall have; 0: all of the partition */
    struct ui *ui;
};

/* *settled, in case of a failure: the superblock says what size it has. false: it was broken off,
 * and the next mount may find another one in the filesystem's log. *held: nobody else had it
 * meanwhile, or it was empty behind that. */
int resize_mounted(const struct mounted_resize *r, bool *settled, bool *held, struct err *e);

#endif
