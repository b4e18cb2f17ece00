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

#define _cleanup_table_disk_ __attribute__((cleanup(table_disk_clear)))

#endif
