// SPDX-License-Identifier: GPL-3.0-or-later
/* table_stage.h: a copy of a disk's edges in memory, and libfdisk on it. For table*.c only. */
#ifndef BERTH_PARTITION_TABLE_STAGE_H
#define BERTH_PARTITION_TABLE_STAGE_H

#include "partition/table.h"

#include <libfdisk.h>

/* A memfd of the disk's size with its head and tail, and libfdisk on it. */
struct table_stage {
    struct blockdev *bd;
    struct fdisk_context *context;
    bool assigned;
};

/* Copies the disk's head and tail and lets libfdisk read them. */
int table_stage_open(struct table_stage *stage, struct blockdev *bd, struct err *e);
void table_stage_close(struct table_stage *stage);

#define _cleanup_table_stage_ __attribute__((cleanup(table_stage_close)))

/* What the stage's label says: GUID, usable range, entries by number. */
int table_stage_read(struct table_stage *stage, struct table *table, struct err *e);

/* Fills the err from libfdisk's negative errno; returns -1. */
int table_fdisk_failed(const char *what, int rc, struct err *e);

/* Copies a range between devices, in memory as a whole: for tables, not for content. */
int table_copy_range(struct blockdev *from, struct blockdev *to, struct extent range,
                     struct err *e);

#endif
