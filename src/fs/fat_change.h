// SPDX-License-Identifier: GPL-3.0-or-later
/* fat_change.h: the parts of a change of a FAT filesystem's size. For fat_*.c only. */
#ifndef BERTH_FS_FAT_CHANGE_H
#define BERTH_FS_FAT_CHANGE_H

#include "fs/fat_table.h"

struct fat_change {
    struct blockdev *bd;
    struct fat_boot boot;
    struct fat_layout from, to;
    uint32_t *old; /* the FAT that was there */
    uint32_t *new; /* the one that will be */

    /* Clusters without a place in the new layout lie in front of those that have one, or behind:
     * where each of them goes, in that order; 0: it holds nothing. */
    uint32_t *moved;
    uint32_t n_moved, n_front; /* all, and those in front */
    uint32_t behind;           /* the first one behind, the old number */

    uint8_t *root;         /* the root folder, where it is a range of its own before or after */
    size_t root_bytes;     /* as far as it has entries */
    uint32_t root_cluster; /* of FAT32: where it begins; the old number, or 0 */
    uint32_t new_root;     /* the new number */
};

/* The old number of the cluster that `moved` has at the index. */
uint32_t fat_change_moved(const struct fat_change *change, uint32_t index);

/* The new number of a cluster that is in use. */
uint32_t fat_change_place(const struct fat_change *change, uint32_t cluster);

/* fat_folders.c: lets the entries of all folders say the new numbers: those of `root` in memory,
 * those of other folders where their clusters lie now. ERR_VERIFY when a folder is not sound. */
int fat_change_folders(struct fat_change *change, struct err *e);

/* fat_boot.c: writes the boot sector, FSInfo and their copies. */
int fat_change_boot(struct fat_change *change, struct err *e);

#endif
