// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * undo.h: what it takes to undo a change: remembered before it, described behind it, and the bytes
 * that come back while it is undone.
 */
#ifndef BERTH_LOG_UNDO_H
#define BERTH_LOG_UNDO_H

#include "core/digest.h"
#include "log/disk_log.h"
#include "model/history.h"

#define UNDO_HEAD 4096 /* bytes of a partition that have its superblock, or its boot sector */

/* ---- undo_begin.c, undo_record.c: while a change is made ---- */

/* Remembers the bytes that the plan overwrites where the table is and will be, and of signatures.
 * Where it repeats a change that was cut short, those that were there before the first try. */
int undo_remember(struct disk_log *log, struct blockdev *bd, const struct table *there,
                  const struct plan *plan, struct err *e);
void undo_forget(struct disk_log *log);

/* Makes log->history->begun what it takes to undo the plan if it is cut short, for the log; NULL
 * where it leaves nothing half done, or pending work that is finished. */
int undo_begin(struct disk_log *log, struct blockdev *bd, const struct plan *plan, const char *text,
               struct err *e);

/* What it takes to undo the plan that was done; *undo is new, or NULL when that cannot be. */
int undo_describe(const struct disk_log *log, struct blockdev *bd, const struct plan *plan,
                  const char *text, struct history_undo **undo, struct err *e);

/* True when the plan, once it is done, can be taken back as far as its steps tell. */
bool undo_covers(const struct plan *plan);

/* ---- undo_settle.c ---- */

/* A change that was cut short becomes the one that undo takes back, when every sector is as it was
 * before, when it began, or as it was to be; else it is forgotten. */
int undo_settle(struct history *history, struct blockdev *bd, struct err *e);

/* The table that a disk has when these bytes are put back; NULL with the err filled. */
struct table *undo_table(struct blockdev *bd, const struct history_region *regions, size_t n,
                         struct err *e);

/* ---- undo_bytes.c: while it is taken back ---- */

/* What is taken back: of the journal file that a person names, else of the disk's own log. NULL
 * when there is nothing. */
const struct history_undo *undo_of(const struct disk_log *log);

/* The region's old bytes come back: they lie in no partition that is there now. */
bool undo_returns(const struct disk_log *log, const struct history_region *region);

/* True when behind the table that the step writes the bytes come back that it had. */
bool undo_is_exact(const struct disk_log *log, const struct plan *plan, const struct step *step);

/* 1 when all of them are back. */
int undo_are_back(const struct disk_log *log, struct blockdev *bd, struct err *e);

/* Puts them back one by one, flushed: from the front of the disk, where no table is written before,
 * so that the log is found meanwhile; or from its end, behind a table that says the same, so that
 * what leads to another sector is written after it. */
int undo_put_back(const struct disk_log *log, struct disk *disk, bool from_end, struct err *e);

/* undo_sectors.c: the same where a move or resize was taken back and the table of an MBR means
 * again what it meant before, sector by sector, flushed; else nothing. */
int undo_put_sectors_back(const struct disk_log *log, struct disk *disk, struct err *e);

/* ---- what both share ---- */

/* "sha256:<hex>" of what is there now. */
int undo_hash(struct blockdev *bd, struct extent range, char text[DIGEST_TEXT], struct err *e);

/* When the filesystem of the step was last written, 0 where it does not keep that. */
int undo_written(struct blockdev *bd, const struct step *step, uint64_t *seconds, struct err *e);

/* Copies of the bytes that are there now, new; NULL with the err filled. */
void *undo_read(struct blockdev *bd, struct extent range, struct err *e);

/* 1 when the region is back already: an undo was cut short behind it. */
int undo_is_back(struct blockdev *bd, const struct history_region *region, struct err *e);

#endif
