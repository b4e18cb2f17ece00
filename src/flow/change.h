// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * change.h: a disk and the partition table that somebody wants on it: one command's edit, an sfdisk
 * script, a folder of repart.d files, a backup, an undo. All of them become the same kind of job.
 */
#ifndef BERTH_FLOW_CHANGE_H
#define BERTH_FLOW_CHANGE_H

#include "apply/apply.h"
#include "fs/fs.h"
#include "partition/wanted.h"

/* Says what is wanted of the disk that has the table `there`. */
typedef int change_edit_fn(void *arg, struct blockdev *bd, const struct table *there,
                           struct wanted *wanted, struct err *e);

struct change_options {
    const char *serial, *wwn; /* the device must say this of itself, or NULL */
    const char *const
        *lose; /* partitions (name or number) or the disk's path whose content may be lost */
    size_t n_lose;
    bool only_finishes;  /* what may be lost is where interrupted work goes, and no partition */
    const char *wipe;    /* a partition whose signatures are overwritten, or NULL */
    uint64_t make_bytes; /* the size of a file that does not exist yet; 0: it must exist */
    bool repair;         /* the table is written even where only its copies differ */
    bool replaces;       /* a table that is damaged is replaced as a whole */
    bool cures;          /* one partition is changed, which may be what is wrong with the table */
    bool takes_back;     /* bytes are put back whatever the table is by now */
    bool restores;       /* a table that was: what lies where may fit it, and not the one there */
    bool at_boot;        /* planned as it will be at the next boot, when nothing is mounted */
    bool keeps_missing; /* partitions that `wanted` does not have stay (a script without --prune) */
};

#define OVER_FREE 200

/* One partition that is on the disk, is wanted, or both. */
struct change_part {
    const struct table_entry *there, *wanted; /* `there` NULL: it is new; `wanted` NULL: it goes */
    const struct survey_partition *found;     /* of `there` */
    const struct fs_ops *fs; /* what is in it now, or NULL where berth cannot work on it */
    const struct wanted_format *format; /* what it shall be made, or NULL */
    struct fs_bounds bounds;            /* of fs, where its size changes */
    bool alone;           /* its entry changes, what is in it stays as large as it is */
    bool unlabelled;      /* its name is none that the filesystem takes as a label */
    bool has_content;     /* where it would be lost */
    bool unwiped;         /* its signatures are put back */
    bool under_table;     /* it goes, and sectors of the wanted table lie in it */
    struct extent record; /* the boot record that it gets where none was; bytes 0: none */
    char
        over_free[OVER_FREE]; /* what free space that is written into has and that is not berth's */
};

struct change {
    struct job job; /* first: plan_again finds the rest */
    struct change_options options;
    change_edit_fn *edit;
    void *arg;
    struct table *there;
    struct wanted wanted;
    size_t n_kept;        /* partitions that a script does not name, and that stay */
    struct history *file; /* what the journal file says, or NULL */
};

/* Surveys the disk, asks `edit` what is wanted, and plans. Writes nothing. */
int change_read(struct change *change, const char *path, unsigned sector, struct err *e);
void change_free(struct change *change);

#define _cleanup_change_ __attribute__((cleanup(change_free)))

/* What the pure part of planning gets. */
struct change_facts {
    const struct change_options *options;
    const struct survey *survey;
    const struct table *there, *wanted;
    const struct table *returns; /* wanted.h's, or NULL */
    const char *journal;         /* a file that has a log, or NULL */
    struct change_part *parts;   /* by the number on the disk, then new ones */
    size_t n;
    struct extents sectors;      /* of the wanted table, where none of the one there is */
    char under_frame[OVER_FREE]; /* what the first sector of a new extended partition comes over */
    struct err no_mount; /* why a filesystem cannot be mounted that has to be; else ERR_OK */
    bool in_appliance;   /* one that has to be is mounted in a virtual machine */
    bool disk_has_data;  /* the disk has no table that can be read, and is not blank */
};

/* change_damage.c: a damaged table is replaced as a whole, cured partition by partition, or left
 * alone: ERR_REFUSED with the way out. path: what the hint calls the disk. */
int change_check_damage(const struct table *there, const struct change_options *options,
                        const char *path, struct err *e);

/* The same when it is known what is wanted of a damaged table: something must be cured by it. */
int change_check_cure(const struct table *there, const struct table *wanted,
                      const struct change_options *options, const struct blockdev *bd,
                      const char *path, struct err *e);

/* ERR_REFUSED, with the way out, where any of the damage forbids changes. */
int change_refuse_damage(const struct damage *damage, size_t n, const char *path, struct err *e);

/* Adds the way out as the err's hint: the command that cures what forbids changes. Returns -1. */
int change_hint_damage(const struct damage *damage, size_t n, const char *path, struct err *e);

/* What must not be done, and what has to be said first. -1 names it and the way out. */
int change_check(const struct change_facts *facts, struct err *e);

/* ---- change_part.c: what a change does with one partition ---- */

bool change_is_mounted(const struct change_part *part);

/* It and its filesystem become smaller where they are, while the system uses it. */
bool change_shrinks_mounted(const struct change_part *part);

/* It loses its end, and nothing in it has to be shrunk for that. */
bool change_is_cut(const struct change_part *part);

/* What a step does with one partition. */
bool change_shrinks_fs(const struct change_part *part);  /* its filesystem has to become smaller */
bool change_grows_fs(const struct change_part *part);    /* and shall become larger */
bool change_may_not_fit(const struct change_part *part); /* when it has: only its tool can tell */
bool change_moves(const struct change_part *part);
bool change_needs_mount(
    const struct change_part *part); /* its size changes only while it is mounted */
bool change_is_wiped(const struct change_facts *facts, const struct change_part *part);

/* "partition 3 (home, 10 GiB, ext4)", new. */
char *change_describe(const struct change_part *part, struct err *e);

/* change_finish.c: the table as it will be when the pending work is done. NULL with the err filled.
 */
struct table *change_after(const struct table *there, const struct pending *pending, struct err *e);

/* The same as it was before the work. */
struct table *change_before(const struct table *there, const struct pending *pending,
                            struct err *e);

/* Adds the step that keeps the system from booting, or lets it boot again when the partition is
 * there. */
int change_add_hold(struct plan *plan, enum step_kind kind, const struct record_system *system,
                    const struct guid *partition, struct extent after, struct err *e);

/* Adds the steps that finish it to a plan that has its survey. */
int change_add_finish(struct plan *plan, const struct pending *pending, struct err *e);

/* True when all that is wanted is that the partition goes which is worked on: what it has got since
 * may be none that the work could ever finish. */
bool change_ends_work(const struct table *there, const struct table *wanted,
                      const struct pending *pending);

/* True when its loss is named. */
bool change_gives_up(const struct table *there, const struct change_options *options,
                     const struct pending *pending);

/* ERR_REFUSED for a partition that is half moved or resized, unless it may be lost: a disk that had
 * no room for a log says no more of that than its table does. */
int change_check_half_moved(const struct table *there, const struct change_options *options,
                            const char *path, struct err *e);

/* True when one goes: nothing but half of it could come back. */
bool change_loses_half_moved(const struct table *there, const struct table *wanted);

/* ERR_REFUSED for a partition that is half moved or resized, for who loses none. */
int change_refuse_half_moved(const struct survey *survey, struct err *e);

/* change_plan.c: the steps. The plan gets a copy of the wanted table. NULL with the err filled. */
struct plan *change_plan(const struct change_facts *facts, struct err *e);

#endif
