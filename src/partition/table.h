// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * table.h: a disk's partition table as plain data, read and written through libfdisk in memory.
 *
 * libfdisk never sees the disk: it works on a sparse stage with copies of the disk's first and last
 * megabyte, and what it makes of them is written by table_write in an order that a power cut cannot
 * hurt.
 */
#ifndef BERTH_PARTITION_TABLE_H
#define BERTH_PARTITION_TABLE_H

#include "block/blockdev.h"
#include "core/guid.h"
#include "model/survey.h"

#define TABLE_NAME_MAX 36 /* UTF-16 units, UEFI 2.10 table 5.5 */

struct table_entry {
    unsigned number; /* from 1 */
    struct extent range;
    struct guid type, uuid;
    uint64_t attributes;
    char name[TABLE_NAME_MAX * 3 + 1]; /* UTF-8 */
};

struct table {
    enum table_kind kind;
    struct guid uuid;
    struct extent usable; /* where partitions may lie */
    uint64_t last_usable; /* the last usable byte + 1 that the table on the disk itself gives */
    bool copies_differ;   /* primary and backup do not agree, or one is damaged */
    struct table_entry *entries; /* by number */
    size_t n;
};

/* Reads the table; TABLE_NONE when there is none. Where the copies differ the primary counts, if it
 * is whole. Freed with table_free; NULL on failure. */
struct table *table_read(struct blockdev *bd, struct err *e);

/* An empty GPT for a device of that size. */
struct table *table_new(struct blockdev *bd, const struct guid *uuid, struct err *e);

/* The lowest number no entry has. */
unsigned table_free_number(const struct table *table);

/* Adds a copy of the entry. */
int table_insert(struct table *table, const struct table_entry *entry, struct err *e);
void table_remove(struct table *table, unsigned number);
struct table_entry *table_entry_by_uuid(struct table *table, const struct guid *uuid);

/*
 * Makes the disk's table this one (GPT only). The boot code in sector 0 stays. Order, so that after
 * a power cut at any write one copy is whole (UEFI 2.10 section 5.3.2): backup entries, backup
 * header, flush, protective MBR and flush (where it changes), primary entries, primary header,
 * flush.
 */
int table_write(struct blockdev *bd, const struct table *table, struct err *e);

/* Why a table that was read must not be changed: a new string, or NULL with the err untouched when
 * nothing is wrong with it. Partitions that lie outside the disk or the usable range, overlap, have
 * no bytes or share a GUID; a disk that is smaller than its table says. */
char *table_problem(const struct table *table, const struct blockdev *bd);

/* The ranges that table_write may change. */
void table_ranges(const struct blockdev *bd, struct extent *head, struct extent *tail);

void table_free(struct table *table);

#define _cleanup_table_ __attribute__((cleanup(table_cleanup)))
void table_cleanup(struct table **table);

/* gpt_check.c: whether both copies of a GPT are whole and say the same (UEFI 2.10 section 5.3). */
struct gpt_state {
    bool primary, backup; /* the copy is whole */
    bool same;            /* both are, and agree */
    uint64_t last_usable; /* what the copy that counts gives: bytes, exclusive; 0: none is whole */
};
int gpt_check(struct blockdev *bd, struct gpt_state *state, struct err *e);

#endif
