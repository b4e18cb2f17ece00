// SPDX-License-Identifier: GPL-3.0-or-later
/* plan_make.c: wanted + actual -> steps, stage by stage. */
#include "core/cleanup.h"
#include "flow/change.h"
#include "intent/plan_parts.h"

/* What was interrupted comes first, and alone: only then the disk is what it looks like. */
static int finish_first(struct plan *plan, struct err *e)
{
    if (change_add_finish(plan, plan->survey->pending, e) < 0)
        return -1;
    return plan_note(plan, e,
                     "work that was interrupted is finished first; give the command again for %s",
                     plan->machine->path);
}

struct plan *plan_make(const struct machine *machine, const struct survey *survey,
                       const struct image *images, const struct plan_options *options,
                       struct err *e)
{
    _cleanup_plan_ struct plan *plan = calloc(1, sizeof(*plan));

    if (plan == NULL) {
        err_no_memory(e);
        return NULL;
    }
    plan->machine = machine;
    plan->survey = survey;
    if (plan_check_disk(plan, options, e) < 0)
        return NULL;
    if (survey->pending != NULL)
        return finish_first(plan, e) < 0 ? NULL : steal(plan);
    if (change_refuse_half_moved(survey, e) < 0 || plan_match(plan, images, e) < 0 ||
        plan_place(plan, e) < 0 || plan_record(plan, images, options->prune, e) < 0 ||
        plan_steps(plan, e) < 0)
        return NULL;
    return steal(plan);
}
