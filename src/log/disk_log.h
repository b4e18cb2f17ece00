// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk_log.h: the disk's own memory of what berth did to it: the log, what undo needs, and work
 * that is under way. It is kept in an area of free space (block/area.h), or in a file that a person
 * names where the disk has no room.
 */
#ifndef BERTH_LOG_DISK_LOG_H
#define BERTH_LOG_DISK_LOG_H

#include "block/area.h"
#include "block/disk.h"
#include "core/ui.h"
#include "model/history.h"
#include "plan/plan.h"

struct disk_log {
    struct area area;      /* range.bytes 0: there is no room for one */
    struct extent former;  /* RESTORE: where it was and will not be, and zeros come; bytes 0 */
    struct area behind;    /* where it was and will not be, with work that is given up; bytes 0 */
    struct blockdev *disk; /* and the plan, both the caller's */
    const struct plan *plan;
    struct blockdev *journal; /* the device that has the area: the disk, or the file */
    struct blockdev *file;    /* the file, when it is one */
    char *path;               /* then its whole path */
    struct disk_log *own;     /* then the log that the disk has itself, or NULL */
    struct history *history;
    struct table *there;           /* as it was at the start */
    struct history_region *before; /* where the table was and will be, with the bytes before */
    size_t n_before;
};

/* What the disk remembers; *history is new, and empty when it has no area. */
int disk_log_read(struct blockdev *bd, const struct table *table, struct history **history,
                  struct err *e);

/* The same, with where the area is; bytes 0: there is none. */
int disk_log_read_at(struct blockdev *bd, const struct table *table, struct history **history,
                     struct extent *range, struct err *e);

/* The same from a journal file that a person names. ERR_NOT_FOUND when there is no such file. */
int disk_log_read_file(const char *path, struct blockdev *disk, const struct table *table,
                       struct history **history, struct err *e);

/* Before a plan is made: whether the file that a person names can be made, or has this disk's
 * journal, or nothing. ERR_REFUSED, with the way out, for another disk's pending work, and for that
 * of a disk of which this one is a copy. */
int disk_log_check_file(const char *path, struct blockdev *disk, const struct table *there,
                        struct err *e);

/* What tells the disk from a copy of it, new: a device by what it says of itself, a file by its
 * inode, "" where nothing does. */
char *disk_log_known_by(const struct survey *survey, struct err *e);

/* Notes in the plan, which has its survey, when the disk is not known by what the pending work
 * noted of it: it may be a copy, or a file that was moved to elsewhere. */
int disk_log_note_copy(struct plan *plan, const struct pending *pending, struct err *e);

/* Notes in the plan where its journal goes, or that nothing of it can be undone. file: the one that
 * a person names, or NULL. ERR_REFUSED with the way out where the disk has no room for it. Writes
 * nothing. */
int disk_log_check(struct blockdev *bd, const struct table *there, struct plan *plan,
                   const char *file, struct err *e);

/* Fills plan->log, as disk_log_check does. Writes nothing. */
int disk_log_place(struct blockdev *bd, const struct table *there, struct plan *plan,
                   struct err *e);

/* Finds or chooses the area, out of the way of everything that the plan touches, allows writes to
 * it, remembers what the plan overwrites, and writes that down where a power cut would leave no
 * other memory of it. file: for the journal, or NULL. */
int disk_log_start(struct disk_log *log, struct disk *disk, const struct plan *plan,
                   const char *file, struct err *e);

/* Writes the history as it is now, flushed. ERR_NO_SPACE when there is no area. */
int disk_log_save(struct disk_log *log, struct err *e);

/* Makes `pending` what is under way (NULL: nothing is), flushed; the log takes it over.
 * ERR_NO_SPACE when there is no area. */
int disk_log_pending(struct disk_log *log, struct pending *pending, struct err *e);

/* Work that is pending goes on. Where its journal is in a file it gets another name, there and on
 * the disk, flushed: what is a copy of the disk as it is now is one of an earlier state from here
 * on. */
int disk_log_resume(struct disk_log *log, struct err *e);

/* Somebody else may have had what the range holds, while a step worked on it. */
void disk_log_let_go(struct disk_log *log, struct extent range);

/* Notes, flushed, that the plan's removed partitions in the table lose their content, before they
 * go; where there is no log, nothing. */
int disk_log_remove(struct disk_log *log, const struct table *there, struct err *e);

/* Notes what the plan did, and what undoing it takes. Nothing to note it in is no failure. */
int disk_log_finish(struct disk_log *log, struct disk *disk, const struct plan *plan, struct ui *ui,
                    struct err *e);

/* Notes that somebody else works on the disk from now: what was done before is no longer undone.
 * Writes nothing when there is nothing that could be undone. */
int disk_log_note(struct disk *disk, const char *text, struct err *e);

void disk_log_close(struct disk_log *log);

#endif
