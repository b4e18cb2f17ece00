// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * take_back.h: taking the last change of a disk back: a table becomes what it was, a resize or move
 * is done the other way, wiped signatures come back. Refused unless the disk is still as berth left
 * it.
 */
#ifndef BERTH_FLOW_TAKE_BACK_H
#define BERTH_FLOW_TAKE_BACK_H

#include "flow/change.h"
#include "log/undo.h"

/* A change_edit_fn: the table before the last change. arg: the journal file that has the log, or
 * NULL for the disk's own. ERR_REFUSED says what has happened since. */
int edit_undo(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e);

/* ERR_REFUSED says what has happened since, or what is to be finished first, where edit_undo would
 * refuse. For a history that has an undo, of the journal file, or of the disk itself: NULL. */
int undo_check(const struct history *history, const char *file, struct blockdev *bd,
               const struct table *there, struct err *e);

#endif
