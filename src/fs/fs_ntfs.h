// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_ntfs.h: the parts of NTFS's row. For fs_ntfs*.c only. */
#ifndef BERTH_FS_FS_NTFS_H
#define BERTH_FS_FS_NTFS_H

#include "fs/fs.h"

/* fs_ntfs_read.c: struct fs_ops says what they do. */
int fs_ntfs_mounts(struct blockdev *bd, struct err *e); /* libntfs-3g can open it at all */
int fs_ntfs_ready(struct blockdev *bd, struct err *e);
int fs_ntfs_free_blocks(struct blockdev *bd, struct fs_free *free, struct err *e);

/* fs_ntfs_boot.c: the boot sector and its copy in the partition's last sector. */
struct fs_ntfs_boot {
    unsigned sector;      /* bytes */
    unsigned cluster;     /* bytes */
    uint64_t bytes;       /* of the volume, with the copy */
    uint64_t mft, mirror; /* where $MFT and $MFTMirr begin, clusters */
    unsigned record;      /* of $MFT, bytes */
};

/* Reads the size; ERR_REFUSED for BitLocker, which keeps its own sector there. */
int fs_ntfs_boot_read(struct blockdev *bd, struct fs_ntfs_boot *boot, struct err *e);

/* Whether the first records of $MFT and their copy can be read and are not the same. */
bool fs_ntfs_mirror_differs(struct blockdev *bd);

/* Changes bytes at an offset of the boot sector; writes the copy anew from it. */
int fs_ntfs_boot_patch(struct blockdev *bd, size_t offset, const void *data, size_t n,
                       struct err *e);

#endif
