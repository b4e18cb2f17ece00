// SPDX-License-Identifier: GPL-3.0-or-later
/* table_parts.h: what the files of the table share. For table*.c, gpt*.c and mbr*.c only. */
#ifndef BERTH_PARTITION_TABLE_PARTS_H
#define BERTH_PARTITION_TABLE_PARTS_H

#include "partition/table.h"

/* An empty table without a kind; NULL on failure. */
struct table *table_alloc(struct err *e);

/* Room for so many entries. */
int table_reserve(struct table *table, size_t n, struct err *e);

/* Adds to the table's damage. number: of the partition, 0: of none. */
int table_damage(struct table *table, enum damage_kind kind, unsigned number, struct err *e,
                 const char *fmt, ...) ERR_PRINTF(5, 6);

/* table_check.c: lists what is wrong with a table's entries, and brings the worst damage to the
 * front. */
int table_check(struct table *table, const struct blockdev *bd, struct err *e);

/* On an MBR, whether it is in the extended partition. */
bool table_is_logical(const struct table *table, const struct table_entry *entry);

/* What an empty table has: slots, sizes, places and the range for partitions. Nothing that is set
 * already is changed. */
void table_set_defaults(struct table *table, const struct blockdev *bd);

/* Whether no partition has a byte of the range. */
bool table_is_free(const struct table *table, struct extent range);

#endif
