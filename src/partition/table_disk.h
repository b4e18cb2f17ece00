// SPDX-License-Identifier: GPL-3.0-or-later
/* table_disk.h: everything on a disk that is, or could be, a partition table. For table_read.c and
 * table_write.c: what is changed is compared with it, byte by byte. */
#ifndef BERTH_PARTITION_TABLE_DISK_H
#define BERTH_PARTITION_TABLE_DISK_H

#include "partition/gpt.h"
#include "partition/mbr.h"

struct table_disk {
    struct table_window window;
    enum mbr_what what; /* sector 0 */
    struct gpt_disk gpt;
    struct mbr_chain chain; /* when the table is an MBR */
};

/* Reads all of it into *disk, which is zeros, and what counts into the table, which is empty. */
int table_disk_read(struct table_disk *disk, struct blockdev *bd, struct table *table,
                    struct err *e);
void table_disk_clear(struct table_disk *disk);

/* gpt_evidence.c: 1 when the whole backup of a GPT at the disk's end is its table though nothing in
 * front says so, 0 when it may be no more than left over, -1 with the err filled. blank: its place
 * in front is zeros. */
int gpt_backup_counts(const struct table_disk *disk, bool blank, struct err *e);

/* 1 when both copies of a GPT are whole beside the MBR, and in one of its partitions there is
 * something that no partition of the MBR begins with, or outside of those anything but zeros:
 * *found, with its name. 0; -1. */
int gpt_has_content_beside(const struct table_disk *disk, const struct table *mbr,
                           struct table_entry *found, struct err *e);

#define _cleanup_table_disk_ __attribute__((cleanup(table_disk_clear)))

#endif
