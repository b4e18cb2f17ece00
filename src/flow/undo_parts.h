// SPDX-License-Identifier: GPL-3.0-or-later
/* undo_parts.h: what remembering before a change and behind it share. For undo_*.c only. */
#ifndef BERTH_FLOW_UNDO_PARTS_H
#define BERTH_FLOW_UNDO_PARTS_H

#include "flow/undo.h"

bool undo_moves_content(const struct step *step);

/* The one thing that the plan does, the menu aside, or NULL. */
const struct step *undo_only_step(const struct plan *plan);

/* The same, when it is one that a power cut leaves half done and no pending work completes. */
const struct step *undo_plain_step(const struct plan *plan);

/* With room for that many regions. step: the plan's only one, or NULL. NULL with the err filled. */
struct history_undo *undo_new(const struct step *step, const char *text, size_t n_regions,
                              struct err *e);

/* The table that a change would have made that was cut short; NULL with the err filled. */
struct table *undo_planned_table(struct blockdev *bd, const struct history_undo *undo,
                                 struct err *e);

bool undo_lies_on(const struct blockdev *bd, const struct extent *range);

/* *to is a new copy. */
int undo_copy(void **to, const void *from, uint64_t bytes, struct err *e);

#endif
