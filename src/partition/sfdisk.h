// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * sfdisk.h: an sfdisk script on its way from text to a table. For sfdisk_*.c only.
 *
 * sfdisk_script.c makes lines of the text; sfdisk_gpt.c and sfdisk_mbr.c place one line after the
 * other, as sfdisk does: a line knows only those before it. Places are counted in sectors here,
 * since the script and sfdisk's rounding do.
 */
#ifndef BERTH_PARTITION_SFDISK_H
#define BERTH_PARTITION_SFDISK_H

#include "partition/wanted.h"

/* A start or a size. */
struct sfdisk_amount {
    bool given;   /* else sfdisk's default */
    bool aligned; /* written with a suffix: sfdisk rounds where it ends */
    uint64_t sectors;
    char text[24]; /* as written, for messages */
};

struct sfdisk_line {
    unsigned line;   /* of the text, from 1 */
    unsigned number; /* that its node ends in; 0: none is given */
    struct sfdisk_amount start, size;
    char *type, *uuid, *name, *attrs; /* as written, or NULL */
    bool bootable;
};

struct sfdisk_script {
    const char *name; /* for messages */
    unsigned sector;
    enum table_kind kind;                              /* TABLE_NONE: the script does not say */
    char *label_id;                                    /* or NULL */
    uint64_t first_lba, last_lba, table_length, grain; /* 0: not given */
    struct sfdisk_line *lines;
    size_t n;
};

/* Parses the text. sector: of the disk, bytes. */
int sfdisk_script_parse(const char *text, const char *name, unsigned sector,
                        struct sfdisk_script *script, struct err *e);
void sfdisk_script_clear(struct sfdisk_script *script);

/* What sfdisk knows of a disk when it places partitions; all in sectors. */
struct sfdisk_disk {
    uint64_t total;
    uint64_t first; /* where it starts by default: at 1 MiB, on a tiny disk right behind sector 0 */
    uint64_t grain; /* it aligns to this */
};

/* grain: bytes, 0: the default. */
void sfdisk_disk_of(const struct blockdev *bd, uint64_t grain, struct sfdisk_disk *disk);

/* The sector nearest to `at` that is aligned and in start to stop, or `at` itself where the range
 * is too small for that. */
uint64_t sfdisk_align(const struct sfdisk_disk *disk, uint64_t at, uint64_t start, uint64_t stop);

/* One table in the making. */
struct sfdisk_work {
    const struct sfdisk_script *script;
    const struct table *there;
    struct sfdisk_disk disk;
    struct table *table;
};

/* Places the line's partition and adds it to the table. */
int sfdisk_gpt_add(struct sfdisk_work *work, const struct sfdisk_line *line, struct err *e);
int sfdisk_mbr_add(struct sfdisk_work *work, const struct sfdisk_line *line, struct err *e);

/* Fills what the line says beside the place: type, GUID, name, attributes. entry->number and
 * entry->range are set already. */
int sfdisk_field_fill(const struct sfdisk_work *work, const struct sfdisk_line *line,
                      struct table_entry *entry, struct err *e);

/* The type of an MBR's line. */
int sfdisk_field_code(const struct sfdisk_work *work, const struct sfdisk_line *line,
                      struct table_entry *entry, struct err *e);

/* Puts "FILE:LINE: " in front of the text; returns -1. */
int sfdisk_at(const struct sfdisk_script *script, unsigned line, struct err *e);

#endif
