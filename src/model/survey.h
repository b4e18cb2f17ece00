// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * survey.h: a plain snapshot, without descriptors, of what is really on a disk.
 */
#ifndef BERTH_MODEL_SURVEY_H
#define BERTH_MODEL_SURVEY_H

#include "core/guid.h"
#include "model/extent.h"
#include "model/history.h"
#include "model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_kind { TABLE_NONE, TABLE_GPT, TABLE_MBR };

/* One thing that is wrong with a disk. Which kinds there are is in model/damage.def. */
enum damage_kind {
#define DAMAGE(kind, name, forbids, mends, text) DAMAGE_##kind,
#include "model/damage.def"
#undef DAMAGE
};

struct damage {
    enum damage_kind kind;
    unsigned number; /* of the partition, or 0 */
    char *text;      /* "partition 3 overlaps partition 2" */
};

const char *damage_name(enum damage_kind kind); /* "overlap" */
bool damage_forbids(enum damage_kind kind);     /* the table must not be changed before */
bool damage_mends(enum damage_kind kind);       /* berth mends it without guessing */

/* A chain of extended boot records that ends early, or says two things. */
bool damage_is_of_chain(enum damage_kind kind);

/* The first of a list, worst first, that forbids changing the table; NULL when none does. */
const struct damage *damage_worst(const struct damage *damage, size_t n);
void damage_free(struct damage *damage, size_t n);

/* What is known of an operating system found on a partition. */
struct survey_system {
    char *family; /* "linux", "windows", "bsd", "other" */
    char *os;     /* "Debian GNU/Linux 12 (bookworm)" */
    char *kernel; /* newest kernel's version, or NULL */
};

struct survey_partition {
    unsigned number;
    struct extent range;
    struct guid type, uuid;
    uint8_t code; /* of an MBR's partition; 0x05, 0x0f, 0x85: the extended one */
    uint64_t attributes;
    char *name; /* GPT name */
    char *fs;   /* blkid's TYPE, or NULL */
    char *fs_version, *fs_uuid, *label;
    uint64_t fs_bytes;    /* what it says that it takes, be that more than the partition; 0: it does
                             not say */
    char *fs_device_uuid; /* of a filesystem that spans disks: this part's own; or NULL */
    bool ambivalent;      /* signatures contradict each other, and fs is NULL: it is not empty */
    char *member;     /* "LVM2_member": part of something larger, so data though nobody uses it */
    bool incomplete;  /* of berth's type "incomplete": being filled */
    char *holder;     /* who uses it ("mounted on /", "in use as swap"), or NULL */
    char *release;    /* the command that ends that, or NULL */
    char *mountpoint; /* where it is mounted, or NULL */
    bool used_now;    /* it has neither, since it is planned for when it is in use no more */
    struct survey_system *system; /* or NULL */
    char *problem; /* why its filesystem could not be read, or does not fit into it; or NULL */
};

struct survey {
    char *path;
    bool is_file, exists;
    uint64_t bytes;
    unsigned sector;
    bool sector_guessed;        /* of a file whose table does not show it */
    char *model, *serial, *wwn; /* of a device, or NULL */
    uint64_t sequence;          /* its number among all devices there have been, or 0 */
    enum table_kind table;
    struct guid uuid;      /* of the table */
    struct extent usable;  /* where partitions may lie */
    bool copies_differ;    /* the table's backup is not what the primary says */
    struct damage *damage; /* what is wrong with the table, worst first */
    size_t n_damage;
    bool unknown_data;                   /* no table, yet not blank */
    char *fs, *fs_uuid, *label;          /* no table: what the disk holds as a whole, or NULL */
    char *fs_device_uuid;                /* the same, as of a partition */
    bool boot_code;                      /* sector 0 has boot code */
    struct survey_partition *partitions; /* by number */
    size_t n_partitions;
    struct record *record;   /* from the ESP, or NULL */
    char *next;              /* the menu's entry that the next boot takes once, or NULL */
    struct pending *pending; /* work that was interrupted, from the disk's area, or NULL */
    char *worker;            /* it is not: "under way in berth (process 812)"; or NULL */
    unsigned esp;            /* number of the ESP that has the record; 0: none has */
};

/* What is to be said when sector_guessed; returns buf. */
#define SURVEY_SECTOR_NOTE 160
char *survey_sector_note(const struct survey *survey, char buf[SURVEY_SECTOR_NOTE]);

void survey_free(struct survey *survey);

#define _cleanup_survey_ __attribute__((cleanup(survey_cleanup)))
void survey_cleanup(struct survey **survey);

/* True when both say the same of table and record, and are of the same device, by its serial
 * number, WWN and sequence: nobody has changed the disk in between, or put another in its place. */
bool survey_same_disk(const struct survey *a, const struct survey *b);

/* Where its filesystem goes on behind its end; no bytes where it does not. */
struct extent survey_overhang(const struct survey_partition *partition);

/* What it has behind its filesystem's end; no bytes where that is less than a MiB, which whole
 * clusters and copies of boot sectors account for, or where the filesystem does not say. */
struct extent survey_rest(const struct survey_partition *partition);

/* NULL when there is none. */
const struct survey_partition *survey_by_name(const struct survey *survey, const char *name);
const struct survey_partition *survey_by_uuid(const struct survey *survey, const struct guid *uuid);

#endif
