// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_table.h: all entries of a FAT in memory, whatever their width: numbers of clusters, 0 for a
 * free one, FAT_CLUSTER_BAD, FAT_CLUSTER_END.
 */
#ifndef BERTH_FS_FAT_TABLE_H
#define BERTH_FS_FAT_TABLE_H

#include "fs/fat_layout.h"

/* The FAT at that place: a new array of clusters + 2, the caller frees. ERR_VERIFY when an entry
 * leads outside. */
uint32_t *fat_table_read(struct blockdev *bd, const struct fat_layout *layout, uint64_t at,
                         struct err *e);

/* Writes every copy of it. The first two entries hold the media byte and the marks of a volume that
 * is clean. */
int fat_table_write(struct blockdev *bd, const struct fat_layout *layout, const uint32_t *table,
                    uint8_t media, struct err *e);

/* How many clusters are not free. */
uint32_t fat_table_used(const struct fat_layout *layout, const uint32_t *table);

#endif
