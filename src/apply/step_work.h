// SPDX-License-Identifier: GPL-3.0-or-later
/* step_work.h: what resizing and moving share: work that is under way, and single entries of the
 * table. For step_hold.c, step_move.c and step_resize.c. */
#ifndef BERTH_APPLY_STEP_WORK_H
#define BERTH_APPLY_STEP_WORK_H

#include "apply/step_ops.h"

/* The pending work that is this step's, or NULL; the log's. */
const struct pending *step_pending(const struct apply *apply, const struct step *step);

/* A copy of the entry that is worked on. ERR_FAILED when it has gone. */
int step_entry(struct apply *apply, const struct step *step, struct table_entry *entry,
               struct err *e);

/* Puts the entry, known by its GUID, into the table on the disk, into both copies, tells the
 * kernel, and claims its range anew: the node of a partition that has changed is another one. */
int step_set_entry(struct apply *apply, const struct step *step, const struct table_entry *entry,
                   struct err *e);

/* The entry says that it is worked on, and no more. */
void step_mark(const struct pending *pending, struct table_entry *entry);
void step_unmark(const struct pending *pending, struct table_entry *entry);

/* Notes in a journal that is in a file that the disk's table has the mark. */
int step_note_mark(struct apply *apply, struct err *e);

/* Remembers on the disk that the step is under way; the entry is the one before it. */
int step_begin(struct apply *apply, const struct step *step, enum history_op op,
               const struct table_entry *entry, uint64_t chunk, struct err *e);

/* The step is done: no more is under way. */
int step_end(struct apply *apply, const struct step *step, struct err *e);

#endif
