// SPDX-License-Identifier: GPL-3.0-or-later
/* plan_parts.h: the stages of plan_make, in their order. For plan*.c only. */
#ifndef BERTH_INTENT_PLAN_PARTS_H
#define BERTH_INTENT_PLAN_PARTS_H

#include "plan/plan.h"

/* plan_match.c: the disk is one that may be changed; the partitions the file names, with what is
 * there of them. */
int plan_check_disk(const struct plan *plan, const struct plan_options *options, struct err *e);
int plan_match(struct plan *plan, const struct image *images, struct err *e);

/* plan_place.c: places new partitions and makes the table. */
int plan_place(struct plan *plan, struct err *e);

/* The bytes that the partition's content needs at least. */
uint64_t plan_least_bytes(const struct plan_partition *partition);

/* plan_record.c: the record as it shall be, and what --prune removes. */
int plan_record(struct plan *plan, const struct image *images, bool prune, struct err *e);

/* plan_steps.c: the steps in their order. */
int plan_steps(struct plan *plan, struct err *e);

#endif
