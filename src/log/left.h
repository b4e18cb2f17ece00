// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * left.h: what berth itself left in free space: the old place of what it moved, the end of what it
 * shrank, what it pruned, boot records that point nowhere any more, and filesystems that it made
 * and nobody else wrote to. The disk's log lists them, and they count as long as nothing else
 * changed the table and they read the same; whatever is not shown to be berth's is somebody's.
 */
#ifndef BERTH_LOG_LEFT_H
#define BERTH_LOG_LEFT_H

#include "fs/probe.h"
#include "model/history.h"
#include "plan/plan.h"

/* Where a partition comes over what was left, and nothing is written into it, so much is read whole
 * and counts as left still when it reads the same. To tell that of more would take minutes twice,
 * and a record for each PROBE_DIGEST_WHOLE. */
#define LEFT_COVERED_MOST (4 * PROBE_DIGEST_WHOLE)

/* Forgets all of it when the table is not the one that berth left; and behind a plan that was cut
 * short what partitions cover now. While work is pending, nothing. */
int left_settle(struct history *history, const struct table *there, struct err *e);

/* Before the plan's first write: splits what the plan takes a piece of, where it reads the same
 * still. area: of the log. */
int left_begin(struct history *history, struct blockdev *bd, const struct plan *plan,
               struct extent area, struct err *e);

/* Others may have had what berth made there since left_begin. */
void left_let_go(struct history *history, struct extent range);

/* A resize or move of the plan is done: what it left of the old place, for the rest of the plan,
 * and what berth made and has now changed itself. before: the table at left_begin. */
int left_step(struct history *history, struct blockdev *bd, const struct table *before,
              const struct plan *plan, const struct pending *done, struct extent area,
              struct err *e);

/* Before a partition goes whose content was named as lost: its place is berth's. */
int left_remove(struct history *history, struct blockdev *bd, struct extent range, struct err *e);

/* When the plan is done: what counts from now. before: the table at left_begin. */
int left_finish(struct history *history, struct blockdev *bd, const struct table *before,
                const struct plan *plan, struct extent area, struct err *e);

/* Those that reach into the range and read the same still; made: also filesystems that berth made.
 * *list is new. */
int left_find(const struct history *history, struct blockdev *bd, struct extent range, bool made,
              struct extent **list, size_t *n, struct err *e);

#endif
