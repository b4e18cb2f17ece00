// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_layout.h: where the parts of a FAT filesystem lie, and where they would lie in another size.
 * Arithmetic only.
 *
 * The cluster size stays in every size, and a cluster's place modulo the cluster size, too: so a
 * cluster can stay where it is on the disk, only its number changes by `shift`. What lies in front
 * of the data moves: reserved sectors, FATs, the root folder of FAT12 and FAT16.
 */
#ifndef BERTH_FS_FAT_LAYOUT_H
#define BERTH_FS_FAT_LAYOUT_H

#include "core/err.h"
#include "tree/fat_disk.h"
#include "tree/fat_volume.h"

struct fat_layout {
    unsigned bits;         /* of an entry of the FAT: 12, 16 or 32 */
    uint32_t sector;       /* bytes */
    uint32_t cluster;      /* bytes */
    uint32_t fats;         /* copies of the FAT */
    uint32_t reserved;     /* sectors in front of the first FAT */
    uint32_t fat_sectors;  /* of one FAT */
    uint32_t root_entries; /* of FAT12 and FAT16; else 0 */
    uint32_t sectors;      /* all of them */
    uint32_t clusters;     /* numbered from 2 */
    uint64_t data;         /* where cluster 2 lies, bytes */
    int64_t shift;         /* what was cluster n is n - shift; 0 for a layout that is there */
};

/* The layout of an opened volume with that boot sector. */
void fat_layout_read(const struct fat_volume *volume, const struct fat_boot *boot,
                     struct fat_layout *layout);

/* The layout that a filesystem gets that shall have so many bytes: FAT12, FAT16 or FAT32 by its
 * number of clusters. A FAT32 that has fewer than Microsoft's rule wants stays one. root_entries:
 * what a root folder of FAT12 or FAT16 has to hold. ERR_NO_SPACE when it is none any more, or too
 * large. */
int fat_layout_for(const struct fat_layout *from, uint64_t bytes, uint32_t root_entries,
                   struct fat_layout *to, struct err *e);

/* The most bytes that it can have. */
uint64_t fat_layout_most(const struct fat_layout *layout);

uint64_t fat_layout_cluster_at(const struct fat_layout *layout, uint32_t cluster);

static inline bool fat_layout_has(const struct fat_layout *layout, int64_t cluster)
{
    return cluster >= 2 && cluster - 2 < (int64_t)layout->clusters;
}

#endif
