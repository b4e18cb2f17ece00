// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * undo.h: taking the last change of a disk back: a table becomes what it was, a resize or move is
 * done the other way. Refused unless the disk is still as berth left it.
 */
#ifndef BERTH_FLOW_UNDO_H
#define BERTH_FLOW_UNDO_H

#include "flow/change.h"
#include "flow/disk_log.h"

/* Remembers the bytes where the table is, and where the plan will put it. */
int undo_remember(struct disk_log *log, struct blockdev *bd, const struct table *there,
                  const struct plan *plan, struct err *e);
void undo_forget(struct disk_log *log);

/* What it takes to undo the plan that was done; *undo is new, or NULL when that cannot be. */
int undo_describe(const struct disk_log *log, struct blockdev *bd, const struct plan *plan,
                  const char *text, struct history_undo **undo, struct err *e);

/* A change_edit_fn: the table before the last change. arg: NULL. ERR_REFUSED says what has
 * happened since. */
int edit_undo(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e);

/* The table that a disk has when these bytes are put back; NULL with the err filled. */
struct table *undo_table(struct blockdev *bd, const struct history_region *regions, size_t n,
                         struct err *e);

#endif
