// SPDX-License-Identifier: GPL-3.0-or-later
/* edit_parts.h: what the edits share. For edit*.c only. */
#ifndef BERTH_FLOW_EDIT_PARTS_H
#define BERTH_FLOW_EDIT_PARTS_H

#include "flow/edit.h"

/* ERR_NOT_FOUND when the disk has no table. */
int edit_need_table(const struct table *there, struct err *e);

/* What --align says, 1 MiB when nothing; bytes. */
int edit_parse_align(const struct edit *edit, const struct blockdev *bd, uint64_t *align,
                     struct err *e);

/* Makes wanted->table the copy that is changed, and *entry the partition in it that is meant. */
int edit_copy_with(const struct edit *edit, const struct table *there, struct wanted *wanted,
                   struct table_entry **entry, struct err *e);

/* Adds to an error how a size is written. Returns -1. */
int edit_hint_size(struct err *e);

/* The type that is asked for, else the filesystem's. */
const char *edit_type_for(const struct edit *edit, enum table_kind kind);

int edit_set_type(const char *text, enum table_kind kind, struct table_entry *entry, struct err *e);
int edit_set_name(const char *name, enum table_kind kind, struct table_entry *entry, struct err *e);

/* ERR_USAGE when another partition than `number` has that name. */
int edit_check_name(const struct table *there, const char *name, unsigned number, struct err *e);

/* What --uuid says: a GUID that no other partition than `number` has. ERR_USAGE. */
int edit_parse_uuid(const char *text, const struct table *there, unsigned number, struct guid *uuid,
                    struct err *e);

/* Makes the entry, which is the table's, the one that a BIOS boots. */
void edit_set_active(struct table *table, struct table_entry *entry);

/* 1: the text is a percentage, and *value (bytes, whole MiB, not 0) what it is of the whole; 0: it
 * is none. ERR_SYNTAX, ERR_NO_SPACE. */
int edit_parse_percent(const char *text, const char *option, uint64_t whole, uint64_t *value,
                       struct err *e);

/* The value of --size or --start in bytes: with a sign it is relative to what is there, a
 * percentage is of the whole. ERR_SYNTAX, ERR_NO_SPACE. */
int edit_parse_relative(const char *text, const char *option, uint64_t there, uint64_t whole,
                        const struct blockdev *bd, uint64_t *value, struct err *e);

/* ERR_USAGE when what the option says is less than a sector: a unit was forgotten. */
int edit_check_least(const char *option, const char *text, uint64_t bytes,
                     const struct blockdev *bd, struct err *e);

/* ERR_NO_SPACE when `end` (bytes) is on the disk, yet further than its MBR can describe. option and
 * value: what asks for it. */
int edit_check_reach(const struct table *there, const struct blockdev *bd, const char *option,
                     const char *value, uint64_t end, struct err *e);

/* The partition with that number is to be formatted as the edit says. */
int edit_add_format(struct wanted *wanted, unsigned number, const struct edit *edit, struct err *e);

/* Gives the entry, which is of `there` or a copy, the size that --size says; ERR_NO_SPACE when
 * there is no room for it. */
int edit_new_size(const struct edit *edit, const struct blockdev *bd, const struct table *there,
                  struct table_entry *entry, struct err *e);

/* edit_place.c: a range that a person gives to a partition, and by which words. */
struct edit_place {
    unsigned number; /* the partition's; 0: a new one's */
    bool logical;
    struct extent range;
    const char *option, *value; /* "--start", "10GiB" */
};

/* ERR_NO_SPACE names what is in the way, or the end that is passed, and where there is room. */
int edit_check_place(const struct table *there, const struct blockdev *bd,
                     const struct edit_place *place, struct err *e);

/* Adds, as the way out, every --start at which so many bytes have room. Returns -1. */
int edit_hint_places(const struct table *there, unsigned number, bool logical, uint64_t bytes,
                     struct err *e);

/* "partition 2 (home) begins at 32MiB": what keeps the entry from growing. */
void edit_print_follower(const struct table *there, const struct table_entry *entry, char *text,
                         size_t len);

/* On an MBR, a number of those in the extended partition. */
bool edit_is_logical(const struct table *there, unsigned number);

/* edit_extended.c: what is meant is the extended partition, which is no entry of the table. */
bool edit_is_extended(const struct edit *edit, const struct table *there);

/* They change it in `wanted`, which has a copy of the table. */
int edit_rm_extended(const struct edit *edit, struct wanted *wanted, struct err *e);
int edit_set_extended(const struct edit *edit, struct wanted *wanted, struct err *e);
int edit_resize_extended(const struct edit *edit, const struct blockdev *bd, struct wanted *wanted,
                         struct err *e);

/* ERR_REFUSED: what it does not do ("has no filesystem"), and what it holds. */
int edit_refuse_extended(const struct edit *edit, const struct table *there, const char *what,
                         struct err *e);

#endif
