// SPDX-License-Identifier: GPL-3.0-or-later
/* plan.c: the plan as data: its steps, its partitions, its notes. */
#include "flow/plan.h"
#include "core/cleanup.h"
#include "flow/plan_parts.h"

#include <stdarg.h>
#include <string.h>

int plan_note(struct plan *plan, struct err *e, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return strings_add(&plan->notes, text, strlen(text), e);
}

static bool same_step(const struct step *a, const struct step *b)
{
    return a->kind == b->kind && strcmp(a->target, b->target) == 0 &&
           strcmp(a->text, b->text) == 0 && a->n_touches == b->n_touches &&
           memcmp(a->touches, b->touches, a->n_touches * sizeof(a->touches[0])) == 0;
}

/* The steps on the disk itself, behind the one that makes its file. */
static const struct step *disk_steps(const struct plan *plan, size_t *n)
{
    bool makes_file = plan->n_steps > 0 && plan->steps[0].kind == STEP_CREATE;

    *n = plan->n_steps - makes_file;
    return plan->steps + makes_file;
}

bool plan_equal(const struct plan *a, const struct plan *b)
{
    size_t n_a, n_b;
    const struct step *steps_a = disk_steps(a, &n_a), *steps_b = disk_steps(b, &n_b);

    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++)
        if (!same_step(&steps_a[i], &steps_b[i]))
            return false;
    return true;
}

const struct plan_partition *plan_partition(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->n_partitions; i++)
        if (strcmp(plan->partitions[i].wanted->name, name) == 0)
            return &plan->partitions[i];
    return NULL;
}

static void step_clear(struct step *step)
{
    for (size_t i = 0; i < step->n_loses; i++)
        free(step->loses[i]);
    free(step->loses);
    free(step->target);
    free(step->text);
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    for (size_t i = 0; i < plan->n_steps; i++)
        step_clear(&plan->steps[i]);
    for (size_t i = 0; i < plan->notes.n; i++)
        free(plan->notes.items[i]);
    free(plan->notes.items);
    free(plan->steps);
    free(plan->removed);
    free(plan->partitions);
    table_free(plan->table);
    record_free(plan->record);
    free(plan);
}

void plan_cleanup(struct plan **plan)
{
    plan_free(*plan);
}
