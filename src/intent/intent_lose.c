// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * intent_lose.c: a machine file's partitions as parts of a change, so that free space is looked
 * through, and --lose asked for, as every other command does it.
 */
#include "intent/intent_lose.h"
#include "core/cleanup.h"
#include "flow/change_parts.h"

/* The table as it is when what grows has grown. */
static struct table *final_table(const struct plan *plan, struct err *e)
{
    struct table *table = table_copy(plan->table, e);

    for (size_t i = 0; table != NULL && i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];

        if (p->grow)
            table_entry_by_uuid(table, &p->uuid)->range = p->range;
    }
    return table;
}

/* One that is new gets what the file says; one that grows keeps what is in it. */
static struct change_part part_of(const struct plan_partition *p, struct table *there,
                                  struct table *wanted)
{
    static const struct wanted_format filled = {0};
    struct change_part part = {.there = table_entry_by_uuid(there, &p->uuid),
                               .wanted = table_entry_by_uuid(wanted, &p->uuid),
                               .found = p->found};

    if (p->fill)
        part.format = p->content != CONTENT_NONE ? &filled : NULL;
    else if (p->grow)
        part.fs = fs_by_name(p->content == CONTENT_SWAP ? "swap" : "ext4");
    part.bounds = (struct fs_bounds){.most = UINT64_MAX, .unit = 1};
    return part;
}

/* Says in the step that fills or grows it what goes. */
static int tell(struct plan *plan, const struct change_facts *facts, const struct plan_partition *p,
                const struct change_part *part, struct err *e)
{
    for (size_t i = 0; i < plan->n_steps; i++) {
        struct step *step = &plan->steps[i];

        if ((step->kind == STEP_FILL || step->kind == STEP_RESIZE) &&
            guid_equal(&step->partition, &p->uuid))
            return change_lose_free(facts, step, part, e);
    }
    return 0;
}

static int check(struct plan *plan, struct blockdev *bd, struct change_facts *facts, struct err *e)
{
    if (change_check_lose(facts, e) < 0 || change_look_at_free(bd, facts, e) < 0 ||
        change_check_losses(facts, e) < 0)
        return -1;
    for (size_t i = 0; i < facts->n; i++)
        if (tell(plan, facts, &plan->partitions[i], &facts->parts[i], e) < 0)
            return -1;
    return 0;
}

int intent_check_losses(struct plan *plan, struct blockdev *bd, const struct plan_options *options,
                        struct err *e)
{
    struct change_options names = {.lose = options->lose, .n_lose = options->n_lose};
    _cleanup_table_ struct table *there = NULL, *wanted = NULL;
    _cleanup_free_ struct change_part *parts = NULL;
    struct change_facts facts = {.options = &names, .survey = plan->survey};

    if (plan->table == NULL) /* it only finishes what was interrupted */
        return 0;
    facts.there = there = table_read(bd, e);
    facts.wanted = wanted = there != NULL ? final_table(plan, e) : NULL;
    facts.parts = parts = calloc(plan->n_partitions + 1, sizeof(*parts));
    if (wanted == NULL)
        return -1;
    if (parts == NULL)
        return err_no_memory(e);
    for (; facts.n < plan->n_partitions; facts.n++)
        parts[facts.n] = part_of(&plan->partitions[facts.n], there, wanted);
    return check(plan, bd, &facts, e);
}
