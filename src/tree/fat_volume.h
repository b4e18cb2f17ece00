// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_volume.h: where things lie on a FAT12, FAT16 or FAT32 filesystem, and what its folders hold.
 * Reads only. Every number that comes from the disk is checked before it is used, and no chain of
 * clusters is followed further than the volume is large.
 *
 * Source: Microsoft Extensible Firmware Initiative FAT32 File System Specification 1.03.
 */
#ifndef BERTH_TREE_FAT_VOLUME_H
#define BERTH_TREE_FAT_VOLUME_H

#include "block/blockdev.h"
#include "core/err.h"
#include "model/extent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT_WINDOW 4096

struct fat_volume {
    struct blockdev *bd;        /* not owned */
    unsigned bits;              /* of an entry of the FAT: 12, 16 or 32 */
    uint32_t cluster;           /* bytes in a cluster */
    uint32_t clusters;          /* how many there are; they are numbered from 2 */
    struct extent fat;          /* the FAT that counts */
    struct extent root;         /* the root folder of FAT12 and FAT16 */
    uint32_t root_cluster;      /* of FAT32 */
    uint64_t data;              /* where cluster 2 lies, in bytes */
    uint8_t window[FAT_WINDOW]; /* the part of the FAT that was read last */
    uint64_t window_start;      /* where in the FAT; UINT64_MAX: nothing read yet */
};

/* Reads and checks the boot sector. ERR_VERIFY when this is not a FAT filesystem. */
int fat_volume_open(struct fat_volume *volume, struct blockdev *bd, struct err *e);

/* Where the first `bytes` bytes of the chain that starts at cluster `first` lie on the device, in
 * order, neighbours joined: a new array of *n extents that the caller frees. A chain that ends
 * before is ERR_VERIFY, unless whole is set: then it is taken as it is, up to `bytes`. */
int fat_volume_chain(struct fat_volume *volume, uint32_t first, uint64_t bytes, bool whole,
                     struct extent **extents, size_t *n, struct err *e);

#define FAT_NAME_MAX (255 * 3 + 1) /* 255 UTF-16 units as UTF-8 */

struct fat_node {
    char name[FAT_NAME_MAX]; /* UTF-8 */
    char short_name[13];     /* "NAME.EXT" */
    bool folder;
    bool root;        /* the root folder itself */
    uint32_t cluster; /* the first one; 0: none */
    uint64_t bytes;   /* of a file */
    int64_t mtime;    /* the stored local time taken as UTC; 0 where it is not a time */
};

void fat_root(const struct fat_volume *volume, struct fat_node *node);

/* Calls each() with every file and folder in a folder, except ".", ".." and the label. A non-zero
 * return ends it and is returned. */
int fat_folder_each(struct fat_volume *volume, const struct fat_node *folder,
                    int (*each)(void *arg, const struct fat_node *node, struct err *e), void *arg,
                    struct err *e);

/* Finds what a clean path names, any case of ASCII letters. ERR_NOT_FOUND. */
int fat_find(struct fat_volume *volume, const char *path, struct fat_node *node, struct err *e);

#endif
