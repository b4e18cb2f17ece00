// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_log_parts.h: what reading and writing a disk's log share. For disk_log*.c only. */
#ifndef BERTH_LOG_DISK_LOG_PARTS_H
#define BERTH_LOG_DISK_LOG_PARTS_H

#include "log/disk_log.h"

/* disk_log_read.c: what the area says, settled by the disk as it is; *history is new, empty where
 * the area says nothing. */
int log_history(const struct area *area, struct blockdev *bd, const struct table *there,
                struct history **history, struct err *e);

/* disk_log_read.c: the partition on which the work is, as the table is now; NULL: none is. */
const struct table_entry *log_worked_on(const struct table *table, const struct pending *pending);

/* disk_log_read.c: the work that is pending goes with its partition, and the log says so. */
int log_give_up(struct history *history, struct err *e);

/* disk_log_choose.c: the area for the plan's log, with what the one that is there says, in
 * log->area and log->history; area.range.bytes is 0 where the disk has no room for one. Writes
 * nothing. */
int log_choose(struct disk_log *log, struct blockdev *bd, const struct table *there,
               const struct plan *plan, struct err *e);

/* disk_log_sign.c: ERR_REFUSED, with the way out, unless the disk is the one on which the pending
 * work of the file's area began; path: the file's. The partition must be one that log_worked_on
 * finds. */
int log_check_sign(const char *path, struct blockdev *disk, const struct table *there,
                   const struct pending *pending, struct area *file, struct err *e);

/* disk_log_open.c: opens the file that a person names for the journal, or makes it, with room for
 * all that goes into it, and fills log->file, log->journal, log->path and log->area. ERR_REFUSED or
 * ERR_NO_SPACE with the way out; then there is no file that was not there before. */
int log_open_file(struct disk_log *log, const char *path, struct err *e);

/* disk_log_file.c: ERR_REFUSED, with errno and the way out; the file is there, or could not be
 * made. */
int log_refuse_to_write(const char *path, bool is_there, struct err *e);

/* disk_log_choose.c: true when a step of the plan copies through a journal. */
bool log_needs_journal(const struct plan *plan);

/* disk_log_read.c: where a log may be. *places is new. */
int log_places_on(struct blockdev *bd, const struct table *table, struct extent **places, size_t *n,
                  struct err *e);

#endif
