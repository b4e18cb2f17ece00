// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * table.h: a disk's partition table as plain data: GPT (UEFI 2.10 section 5.3) and MBR with its
 * chain of extended boot records.
 *
 * Reading never fails for what is wrong with a table: damage is listed in it. Writing goes in an
 * order that a power cut cannot hurt.
 */
#ifndef BERTH_PARTITION_TABLE_H
#define BERTH_PARTITION_TABLE_H

#include "block/blockdev.h"
#include "core/guid.h"
#include "model/survey.h"

#define TABLE_NAME_MAX  36   /* UTF-16 units, UEFI 2.10 table 5.5 */
#define TABLE_SLOTS     128  /* entries of a GPT that berth makes */
#define TABLE_SLOTS_MAX 4096 /* entries of a GPT that berth reads and writes */

/* Attribute bit 2, "legacy BIOS bootable" (UEFI 2.10 table 5.8). On an MBR it is the active flag.
 */
#define TABLE_ACTIVE (UINT64_C(1) << 2)

struct table_entry {
    unsigned number; /* from 1; on an MBR 1 to 4, and 5 up for logical ones in the chain's order */
    struct extent range;
    struct guid type; /* GPT; on an MBR the one that stands for its code, or zero */
    uint8_t code;     /* MBR: the type; GPT: 0 */
    struct guid uuid; /* GPT; on an MBR what table_mbr_uuid makes of its id and the number */
    uint64_t attributes;
    char name[TABLE_NAME_MAX * 3 + 1]; /* UTF-8; empty on an MBR */
    uint64_t ebr; /* MBR, logical: where its boot record is, bytes; 0: table_write finds a place */
};

/* The MBR's extended partition, which holds the logical ones; bytes 0: there is none. */
struct table_extended {
    unsigned number; /* 1 to 4 */
    uint8_t code;    /* 0x05, 0x0f or 0x85 */
    struct extent range;
};

struct table {
    enum table_kind kind;
    unsigned sector;      /* of the device it was read from or made for, bytes */
    struct guid uuid;     /* GPT: of the disk; MBR: its id in the first four bytes */
    struct extent usable; /* where partitions may lie on this device, now */
    uint64_t last_usable; /* GPT: the last usable byte + 1 that the table itself gives */
    unsigned slots; /* how many entries it has room for (MBR: 4, and any number of logicals) */
    unsigned entry_bytes;           /* GPT: of one entry, 128 or more */
    uint64_t entries_at;            /* GPT: where the primary's entries are, bytes */
    struct table_extended extended; /* MBR */
    bool copies_differ;             /* GPT: primary and backup do not agree, or one is damaged */
    struct damage *damage;          /* what is wrong, worst first (model/survey.h) */
    size_t n_damage;
    struct table_entry *entries; /* by number */
    size_t n;
};

/* Reads the table and lists its damage; TABLE_NONE when there is none. Where the copies of a GPT
 * differ the primary counts, if it is whole. Freed with table_free; NULL on failure (I/O, memory).
 */
struct table *table_read(struct blockdev *bd, struct err *e);

/* An empty table for a device of that size. uuid: of the disk (MBR: the id in its first 4 bytes).
 */
struct table *table_new(struct blockdev *bd, enum table_kind kind, const struct guid *uuid,
                        struct err *e);

/* Where the part of a disk of so many bytes ends that such a table can describe: all of it, but of
 * an MBR, whose entries count sectors in 32 bits, at most 2 TiB with sectors of 512 bytes. */
uint64_t table_reach(enum table_kind kind, unsigned sector, uint64_t bytes);

struct table *table_copy(const struct table *table, struct err *e);

/* True when both say the same: kind, disk GUID, entries. */
bool table_equal(const struct table *a, const struct table *b);

/* The lowest number no entry has: on a GPT any, on an MBR of a primary (0 when all four are taken).
 */
unsigned table_free_number(const struct table *table);

/* How much damage forbids changing the table, if it were read back from the disk: a cure leaves
 * less. -1 when memory is short. */
int table_count_problems(const struct table *table, const struct blockdev *bd, struct err *e);

/* Adds a copy of the entry, by its number. On an MBR its GUIDs are derived, and its code from its
 * type where it has none. A logical one is numbered behind the last. */
int table_insert(struct table *table, const struct table_entry *entry, struct err *e);
/* On an MBR the logical ones behind it move up by one number; the extended partition goes with all
 * that is in it. What the table was read with of that partition's own damage goes, too: of a number
 * without a partition that is all. */
void table_remove(struct table *table, unsigned number);

/* What messages call a partition: "partition 3 (home)"; without a name (empty or NULL) "partition
 * 3". For use in one expression: table_title(3, "home").text. */
struct table_title {
    char text[192];
};
struct table_title table_title(unsigned number, const char *name);

struct table_entry *table_entry_by_uuid(struct table *table, const struct guid *uuid);
struct table_entry *table_entry_by_number(struct table *table, unsigned number);

/*
 * The ranges in which new partitions may be: the gaps of the usable range, and on an MBR for
 * logical ones (logical true) the gaps of the extended partition with room for a boot record before
 * each. Not aligned. *gaps is new, by start.
 */
int table_gaps(const struct table *table, bool logical, struct extent **gaps, size_t *n,
               struct err *e);

/*
 * Whether the table could be written as it is: every entry inside the usable range (on an MBR from
 * the second sector on), aligned to sectors, none overlapping, no GUID or number twice, names and
 * sizes that the format can hold (an MBR: 32 bits of sectors), each logical one inside the extended
 * partition with a place for its boot record. Damage of single partitions that the table was read
 * with (ranges, overlaps, GUIDs) is let through where the table itself is not in its way: it is
 * cured one by one. ERR_NO_SPACE or ERR_USAGE names the partition.
 */
int table_validate(const struct table *table, const struct blockdev *bd, struct err *e);

/*
 * Makes the disk's table this one, after table_validate. Nothing is written when it is that
 * already. What is no part of it stays: boot code, bytes of GPT entries that berth does not know,
 * where the entries are, how many there are. Order, so that after a power cut at any write (torn
 * sectors included) either the old or the new table is read, and no partition that is in both is
 * missing: GPT: backup entries, backup header, flush, protective MBR and flush (where it changes),
 * primary entries, primary header, flush. MBR: new boot records of logical partitions where nothing
 * points to yet, flush, then the links, then sector 0, each flushed. To the other kind: what the
 * new one needs (of a GPT its backup), then sector 0, then the rest; a GPT's signatures go last. A
 * damaged copy is mended by this; the backup goes to the end of the disk. Where sector 0 and the
 * chain of an MBR both change, a cut may also leave a whole table in between, with all that stays.
 * ERR_NO_SPACE, and nothing written, when an MBR has no free sector for the boot records that have
 * to move.
 */
int table_write(struct blockdev *bd, const struct table *table, struct err *e);

/* Beside an MBR, which is on the disk: erases the headers of a GPT that does not count any more
 * (DAMAGE_STALE_SIGNATURE), and flushes. table_write does so only where the MBR is a new one. */
int table_erase_stale(struct blockdev *bd, const struct table *table, struct err *e);

/* table_write and, where it mends, table_erase_stale. */
int table_replace(struct blockdev *bd, const struct table *table, bool mends, struct err *e);

/* The same range under the other kind's type, without a GUID; what only the old kind has is left
 * behind. */
struct table_entry table_entry_as(const struct table_entry *from, enum table_kind kind);

/* The same partitions in a table of the other kind, with new GUIDs or an id. Where an MBR has no
 * room for them as primary ones, those behind the third are logical in an extended one.
 * ERR_NO_SPACE or ERR_USAGE says what does not fit (no free sector for a boot record, past 2 TiB,
 * no room for a GPT's backup behind the last partition). */
struct table *table_convert(const struct table *table, enum table_kind kind, struct blockdev *bd,
                            struct err *e);

/* Every place of the disk where this table is or will be written: sector 0, headers, entries, and
 * on an MBR all of the extended partition where there is no other one, since boot records move.
 * None is in a partition of the table. table_write changes nothing else, but where an extended
 * partition begins elsewhere than before: then a place of the old table, too. *list is new. */
int table_places(const struct table *table, const struct blockdev *bd, struct extent **list,
                 size_t *n, struct err *e);

/* Where the table is on the disk that it was read from, sector by sector: as table_places, without
 * the free ranges in which boot records of logical partitions may be put. *list is new. */
int table_sectors(const struct table *table, const struct blockdev *bd, struct extent **list,
                  size_t *n, struct err *e);

/* mbr_stale.c: boot records of the logical partitions of `before` that `now`, which took its place,
 * has none at, and that hold nothing but the records: no boot code, nothing of anybody else. *list
 * is new. */
int table_stale_records(const struct table *before, const struct table *now, struct blockdev *bd,
                        struct extent **list, size_t *n, struct err *e);

/* The worst damage that forbids changing the table, or NULL. */
const struct damage *table_problem(const struct table *table);

/* Whether the table has damage of that kind. */
bool table_has_damage(const struct table *table, enum damage_kind kind);

/* The PARTUUID of an MBR's partition in the form that everything else knows: id, number, zeros. */
struct guid table_mbr_uuid(const struct table *table, unsigned number);

/* PARTUUID as the kernel and blkid print it: a GUID, or "c6e1e0d0-05". Returns buf. */
char *table_uuid_print(enum table_kind kind, const struct guid *uuid, char buf[GUID_TEXT]);

void table_free(struct table *table);

#define _cleanup_table_ __attribute__((cleanup(table_cleanup)))
void table_cleanup(struct table **table);

/* table_find.c: the partition that a person means by a number, a name or its GUID; ERR_NOT_FOUND
 * says where they are listed, ERR_USAGE that several have the name. */
const struct table_entry *table_find(const struct table *table, const char *part, struct err *e);

/* The entry of `table` that is the partition `entry` of `from`, or NULL: by number, where GUID or
 * start agree, else by GUID. */
const struct table_entry *table_same_entry(const struct table *table, const struct table *from,
                                           const struct table_entry *entry);

#endif
