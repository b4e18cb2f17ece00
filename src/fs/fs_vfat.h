// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_vfat.h: makes FAT filesystems. mkfs.vfat and mtools work on a stage (a sparse file in memory
 * of the partition's size) and never see the disk; only what they wrote is copied over.
 *
 * With SOURCE_DATE_EPOCH set, the same arguments give the same bytes.
 */
#ifndef BERTH_FS_FS_VFAT_H
#define BERTH_FS_FS_VFAT_H

#include "block/blockdev.h"
#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

struct vfat_options {
    uint32_t volume_id; /* what blkid prints as UUID "ABCD-1234" is 0xabcd1234 */
    const char *label;  /* up to 11 capital letters and digits, or NULL */
};

/* Which FAT suits a partition. ERR_NO_SPACE when it is too small for one of 16 bits. */
struct vfat_shape {
    unsigned bits;            /* 16 or 32 */
    unsigned cluster_sectors; /* sectors in a cluster */
};
int vfat_shape(uint64_t bytes, unsigned sector, struct vfat_shape *shape, struct err *e);

/* Makes an empty FAT filesystem that fills the device; what was there is gone. Flushes. */
int vfat_make(struct blockdev *partition, const struct vfat_options *options, struct err *e);

/* ---- a filesystem with files in it, step by step ---- */

struct vfat_stage;

/* An empty filesystem of that many bytes in memory; freed with vfat_stage_free. */
struct vfat_stage *vfat_stage_new(uint64_t bytes, unsigned sector,
                                  const struct vfat_options *options, struct err *e);
void vfat_stage_free(struct vfat_stage *stage);

#define _cleanup_vfat_stage_ __attribute__((cleanup(vfat_stage_cleanup)))
void vfat_stage_cleanup(struct vfat_stage **stage);

/* Makes a folder; its parent is there. Paths are "EFI/BOOT". */
int vfat_stage_folder(struct vfat_stage *stage, const char *path, struct err *e);

/* Makes a file from a file of the host, or from bytes. Files made one after the other lie one after
 * the other, each in one piece. */
int vfat_stage_copy(struct vfat_stage *stage, const char *from, const char *path, struct err *e);
int vfat_stage_put(struct vfat_stage *stage, const void *data, size_t len, const char *path,
                   struct err *e);

/* Makes the device read as the stage does, and flushes. */
int vfat_stage_write(struct vfat_stage *stage, struct blockdev *to, struct err *e);

#endif
