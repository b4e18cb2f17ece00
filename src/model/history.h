// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * history.h: what a disk's area (block/area.h) says: what berth did to the disk, what it takes to
 * undo the last change, the work that is under way, and what berth itself left in free space. JSON,
 * printed compactly.
 *
 * "berth-history" is the format's level, "needs" the lowest level that may read it. Members that a
 * reader does not know it keeps, at the top, in "undo" and in "pending".
 */
#ifndef BERTH_MODEL_HISTORY_H
#define BERTH_MODEL_HISTORY_H

#include "core/err.h"
#include "core/guid.h"
#include "model/extent.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_LEVEL       1
#define HISTORY_MOST        100                 /* entries that are kept */
#define HISTORY_TEXT_MOST   200                 /* bytes of an entry's text */
#define HISTORY_BEFORE_MOST (UINT64_C(4) << 20) /* old bytes of all regions together */
#define HISTORY_LEFT_MOST   32                  /* ranges that are kept */

struct history_entry {
    uint64_t time; /* seconds since 1970 */
    bool changes_disk;
    char *text;
};

enum history_op { HISTORY_TABLE, HISTORY_RESIZE, HISTORY_MOVE, HISTORY_WIPE };

/* Something that the last change wrote, or is about to write. */
struct history_region {
    struct extent range;
    char *after;   /* "sha256:<hex>" of what berth wrote there; NULL while it is not known */
    void *before;  /* range.bytes that were there, or NULL: undo does not put them back */
    void *began;   /* as they were when the change began, where that was another one's half; NULL */
    void *planned; /* as the change will leave them; NULL when it is complete */
    bool cut;      /* not written: how a filesystem begins that was longer than its partition, to
                      which the change gave that size without working on it */
};

/* How the last change is taken back. The partition and what follows: of a resize or move. */
struct history_undo {
    enum history_op op;
    char *text; /* what is taken back */
    struct history_region *regions;
    size_t n_regions;
    struct guid partition;
    struct extent from, to; /* where the partition was, and where it is */
    char *fs;               /* the kind's name in fs/fs.def, or NULL */
    uint64_t fs_written;    /* fs_ops.written after the change */
    json_t *unknown;
};

/* What comes next of a resize or move, in order; each can be repeated. */
enum pending_stage {
    PENDING_MARK,    /* the table's entry shall cover old and new place, incomplete */
    PENDING_CONTENT, /* the journal is to be applied, the bytes are to be copied */
    PENDING_FS,      /* the filesystem's own note of its place or size is to be set */
    PENDING_TABLE,   /* the table's entry shall be the final one */
};

struct pending {
    enum history_op op; /* HISTORY_RESIZE or HISTORY_MOVE */
    enum pending_stage stage;
    struct guid partition;
    unsigned number;
    char *name; /* of the partition; NULL where it has none */
    struct extent from, to, both;
    struct guid type;     /* the final one; zero on MBR */
    unsigned mbr_type;    /* 0 on GPT */
    uint64_t attributes;  /* GPT's */
    char *fs;             /* the kind's name in fs/fs.def, or NULL */
    char *content;        /* of a move: what was recognised in the partition, "ext4 <UUID>"; "":
                             nothing; NULL: not noted */
    char *content_before; /* the same of its new place, before anything was copied */
    bool takes_back;      /* the last change: the bytes of an MBR come back with it */
    uint64_t chunk;       /* struct move's */
    struct extent index;  /* struct redo's; bytes 0: nothing is to be applied */
    uint32_t index_crc;
    uint64_t
        fs_before;     /* when the filesystem was last written, before and after the index; 0, 0: */
    uint64_t fs_after; /* not known */
    struct guid
        work; /* names the work where its journal is in a file, there and on the disk; or zero */
    struct guid work_next; /* in the file, while the disk may have either; else zero */
    char *known_by;        /* where its journal is in a file: what tells the disk from a copy of it,
                              "inode 5"; "": nothing does; NULL: not noted */
    char *journal; /* the file that has the journal and all of this as it is now: what the disk's
                      log has is a sign of it only. NULL: the disk has it */
    json_t *unknown;
};

/* A range whose content is berth's own, and nobody's data, as long as it reads the same. */
struct history_left {
    struct extent range;
    char *digest; /* probe_digest's */
    bool made;    /* a filesystem that berth made in a partition; else it lies in free space */
    bool held;    /* made, and read so when the plan took hold of it: what changes it is the plan
                     alone. Not on the disk */
};

struct history {
    int level, needs;
    struct history_entry *entries; /* the oldest first */
    size_t n;
    struct history_undo *undo;  /* NULL when nothing can be undone */
    struct history_undo *begun; /* of a change that is under way, or was cut short; else NULL */
    struct pending *pending;    /* NULL when nothing is under way */
    struct guid given_up;       /* the name of the work that was given up last, or zero */
    struct history_left *left;  /* the oldest first; they do not overlap */
    size_t n_left;
    char *left_table; /* "sha256:<hex>" of the table with which they count, or NULL */
    json_t *unknown;
};

struct history *history_new(struct err *e);
void history_free(struct history *history);
void history_undo_free(struct history_undo *undo);
void pending_free(struct pending *pending);

/* A copy whose journal is in the file, NULL without memory; what it does not know is left out. */
struct pending *pending_elsewhere(const struct pending *pending, const char *file);

/* What a person types to have the work finished. journal: the file in which it was found to be
 * pending, or NULL. For use in one expression. */
struct pending_command {
    char text[2200];
};
struct pending_command pending_command(const struct pending *pending, const char *path,
                                       const char *journal);

/* Parses JSON. ERR_SYNTAX names the member, ERR_UNSUPPORTED the level of a later berth. */
struct history *history_parse(const char *text, size_t len, struct err *e);

/* The history as JSON, a new string that the caller frees. */
char *history_print(const struct history *history, struct err *e);

/* A new string that the history takes as one line: the beginning of the text, whole characters,
 * control characters as '?'. Names on a disk are whatever somebody wrote. NULL without memory. */
char *history_line(const char *text);

/* Appends an entry, with a copy of the text as one line that is not too long; the oldest gives way.
 * time: seconds since 1970. */
int history_add(struct history *history, uint64_t time, const char *text, bool changes_disk,
                struct err *e);

/* Appends one, with a copy of the digest; the oldest gives way. */
int history_add_left(struct history *history, const struct history_left *left, struct err *e);
void history_drop_left(struct history *history, size_t i);

const char *history_op_name(enum history_op op);

#define _cleanup_history_ __attribute__((cleanup(history_cleanup)))
void history_cleanup(struct history **history);

#endif
