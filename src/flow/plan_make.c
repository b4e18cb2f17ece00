// SPDX-License-Identifier: GPL-3.0-or-later
/* plan_make.c: wanted + actual -> steps, stage by stage. */
#include "core/cleanup.h"
#include "flow/plan_parts.h"

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
    if (plan_check_disk(plan, options, e) < 0 || plan_match(plan, images, e) < 0 ||
        plan_place(plan, e) < 0 || plan_record(plan, images, options->prune, e) < 0 ||
        plan_steps(plan, e) < 0)
        return NULL;
    return steal(plan);
}
