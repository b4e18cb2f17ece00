// SPDX-License-Identifier: GPL-3.0-or-later
/* table_window.h: a disk's head and tail, read in one go each, since nearly every table is there as
 * a whole; what lies elsewhere is read when asked for. For table*.c, gpt*.c and mbr*.c. */
#ifndef BERTH_PARTITION_TABLE_WINDOW_H
#define BERTH_PARTITION_TABLE_WINDOW_H

#include "block/blockdev.h"

#define TABLE_WINDOW_HEAD 24576 /* sector 0, header and 128 entries, with 4096-byte sectors too */
#define TABLE_WINDOW_TAIL 20480 /* the backup of those */

struct table_window {
    struct blockdev *bd;
    uint64_t lbas; /* whole sectors of the disk */
    struct extent head, tail;
    uint8_t head_bytes[TABLE_WINDOW_HEAD], tail_bytes[TABLE_WINDOW_TAIL];
};

int table_window_open(struct table_window *window, struct blockdev *bd, struct err *e);

/* Reads so many bytes at the offset. */
int table_window_read(struct table_window *window, void *buf, size_t n, uint64_t offset,
                      struct err *e);

#endif
