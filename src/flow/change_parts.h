// SPDX-License-Identifier: GPL-3.0-or-later
/* change_parts.h: what the parts of change_plan share. For change_*.c only. */
#ifndef BERTH_FLOW_CHANGE_PARTS_H
#define BERTH_FLOW_CHANGE_PARTS_H

#include "flow/change.h"

struct planner {
    const struct change_facts *facts;
    struct plan *plan;
    struct table *state; /* the table as it is after the steps so far */
};

/* It has a step of its own beside the table's. */
bool change_is_resized(const struct change_part *part);

/* change_layout.c: the step may write wherever that table is. */
int change_touch_table(struct step *step, const struct table *table, const struct survey *survey,
                       struct err *e);

/* The step that makes the disk's table `to`, which becomes the planner's state. only_deletes: it
 * only takes away what something else needs the room of. */
int change_add_layout(struct planner *p, const struct table *to, bool only_deletes, struct err *e);

#endif
