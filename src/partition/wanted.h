// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * wanted.h: a partition table as somebody wants it to be: one command's edit, an sfdisk script, a
 * folder of systemd repart.d files. Complete: every entry has its number, range, type and GUID.
 */
#ifndef BERTH_PARTITION_WANTED_H
#define BERTH_PARTITION_WANTED_H

#include "core/strings.h"
#include "partition/table.h"

/* What a new partition is formatted with. */
struct wanted_format {
    unsigned number; /* of the partition in `table` */
    char fs[16];     /* a name of fs/fs.def */
    char label[64];  /* "" : the kind's default */
};

/* A partition whose filesystem had no part in what is taken back. */
struct wanted_alone {
    unsigned number;
    bool cut; /* it was longer than its partition before that, and will be again */
};

struct wanted {
    struct table *table;
    struct wanted_format *formats;
    size_t n_formats;
    unsigned locked_back; /* a partition whose encrypted content did not follow when it grew; 0 */
    unsigned
        locked_too; /* a partition whose encrypted content follows it, which takes its key; 0 */
    struct wanted_alone *alone;
    size_t n_alone;
    unsigned sized;        /* the partition that is to have a certain size; 0: none */
    unsigned unwipe;       /* the partition whose wiped signatures come back; 0: none */
    struct blockdev *was;  /* a table that was, as bytes where they were; else NULL */
    struct table *returns; /* the table that comes back as bytes, which is damaged or says what is
                              there already; then `table` is of no kind. NULL: none comes back so */
    struct strings notes;  /* what was asked for and is not had */
};

void wanted_clear(struct wanted *wanted);

#define _cleanup_wanted_ __attribute__((cleanup(wanted_clear)))

/* ---- wanted.c: what all forms share ---- */

/* Appends a copy. */
int wanted_add_format(struct wanted *wanted, const struct wanted_format *format, struct err *e);

/* Appends it to `alone`. */
int wanted_add_alone(struct wanted *wanted, struct wanted_alone alone, struct err *e);

/* The sector at which libfdisk lets the usable range start: at 1 MiB, on a disk of at most 4 MiB
 * at 1. */
uint64_t wanted_first_lba(const struct blockdev *bd);

/* The sectors that a GPT's entries take. */
uint64_t wanted_entry_sectors(const struct blockdev *bd, unsigned slots);

/* An empty GPT as libfdisk makes it, for sfdisk and systemd-repart alike. ERR_NO_SPACE when the
 * disk is too small. */
struct table *wanted_new_gpt(struct blockdev *bd, const struct guid *uuid, unsigned slots,
                             struct err *e);

/* Sets the usable range of a GPT, sectors, both inclusive. */
void wanted_set_usable(struct table *table, const struct blockdev *bd, uint64_t first,
                       uint64_t last);

/* Sets the entry's name. ERR_SYNTAX: no UTF-8; ERR_NO_SPACE: longer than a GPT has room for. */
int wanted_set_name(struct table_entry *entry, const char *text, struct err *e);

/* ---- the forms ---- */

/*
 * sfdisk_read.c: the script language of sfdisk(8), "Input formats": headers (label, label-id,
 * first-lba, last-lba, table-length, sector-size, grain, unit: sectors), named and unnamed fields,
 * sizes with suffixes, defaults and `+`. `name` is for messages (FILE:LINE: what). The result is a
 * new table, as sfdisk makes one; but what the script leaves open comes from `there`, the disk's
 * own table: the kind, the disk's id, and the GUID, name and attributes of a partition whose line
 * gives no GUID and either its number, or the start that partition has there too. Where sfdisk
 * silently clips or moves something, this refuses. ERR_SYNTAX, ERR_NO_SPACE, ERR_UNSUPPORTED.
 */
int sfdisk_read(const char *text, const char *name, struct blockdev *bd, const struct table *there,
                struct wanted *wanted, struct err *e);

/* The table as `sfdisk --dump` prints it, a new string; path names the nodes. ERR_UNSUPPORTED for
 * attribute bits that the language has no word for. */
char *sfdisk_print(const struct table *table, const struct blockdev *bd, const char *path,
                   struct err *e);

/*
 * repart_read.c: a folder of repart.d(5) files, with systemd-repart 252's own rules: which existing
 * partition a file means, who gets how much of which free area (weights, minima, maxima,
 * priorities, padding), and the GUIDs it derives from `seed` (a machine ID). Partitions that
 * no file means stay. What systemd-repart ignores with a warning is refused. ERR_SYNTAX,
 * ERR_NO_SPACE, ERR_UNSUPPORTED.
 */
int repart_read(const char *folder, const struct guid *seed, struct blockdev *bd,
                const struct table *there, struct wanted *wanted, struct err *e);

/* repart_print.c: writes the table as such files, one a partition ("10-esp.conf"), into a folder
 * that is made, or empty. Read on an empty disk of that size they give the same partitions; the
 * disk's own GUID comes from the seed. ERR_UNSUPPORTED for what they cannot say. */
int repart_print(const struct table *table, const struct blockdev *bd, const char *folder,
                 struct err *e);

#endif
