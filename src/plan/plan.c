// SPDX-License-Identifier: GPL-3.0-or-later
/* plan.c: the plan as data: its steps, its partitions, its notes. */
#include "plan/plan.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"

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

static int check_identity(const char *what, const char *wanted, const char *found,
                          const struct survey *survey, struct err *e)
{
    if (wanted == NULL || (found != NULL && strcmp(wanted, found) == 0))
        return 0;
    err_set(e, ERR_REFUSED, "%s is another disk: its %s is %s, not %s", survey->path, what,
            found != NULL ? found : "not known", wanted);
    if (found == NULL)
        return err_hint(e, "it says no %s of itself: name another disk, or leave the %s out", what,
                        what);
    return err_hint(e, "name the disk by its /dev/disk/by-id path, or correct the %s", what);
}

int plan_check_identity(const struct survey *survey, const char *serial, const char *wwn,
                        struct err *e)
{
    if (check_identity("serial", serial, survey->serial, survey, e) < 0)
        return -1;
    return check_identity("wwn", wwn, survey->wwn, survey, e);
}

struct step *plan_add_step(struct plan *plan, enum step_kind kind, const char *target,
                           struct err *e)
{
    struct step *grown = realloc(plan->steps, (plan->n_steps + 1) * sizeof(*grown));
    struct step *step;

    if (grown == NULL) {
        err_no_memory(e);
        return NULL;
    }
    plan->steps = grown;
    step = &grown[plan->n_steps];
    *step = (struct step){.kind = kind, .target = strdup(target)};
    if (step->target == NULL) {
        err_no_memory(e);
        return NULL;
    }
    plan->n_steps++;
    return step;
}

/* What does not fit widens the last one: too much is said then, never too little. */
void plan_touch(struct step *step, struct extent range)
{
    struct extent *last = &step->touches[STEP_TOUCHES - 1];
    uint64_t end;

    if (step->n_touches < STEP_TOUCHES) {
        step->touches[step->n_touches++] = range;
        return;
    }
    end = extent_end(last) > extent_end(&range) ? extent_end(last) : extent_end(&range);
    if (range.start < last->start)
        last->start = range.start;
    last->bytes = end - last->start;
}

/* Appends the text, which becomes the list's. */
static int append(char ***list, size_t *n, char *text, struct err *e)
{
    char **grown = realloc(*list, (*n + 1) * sizeof(*grown));

    if (grown != NULL)
        *list = grown;
    if (text == NULL || grown == NULL) {
        free(text);
        return err_no_memory(e);
    }
    grown[(*n)++] = text;
    return 0;
}

int plan_lose(struct step *step, char *text, struct err *e)
{
    return append(&step->loses, &step->n_loses, text, e);
}

int plan_detail(struct step *step, char *text, struct err *e)
{
    return append(&step->details, &step->n_details, text, e);
}

int plan_add_create(struct plan *plan, struct err *e)
{
    char size[SIZE_TEXT];
    struct step *step;

    if (plan->survey->exists)
        return 0;
    step = plan_add_step(plan, STEP_CREATE, plan->survey->path, e);
    if (step == NULL)
        return -1;
    step->durability = DURABILITY_ATOMIC;
    step->text = io_format(e, "make %s, a sparse file of %s", plan->survey->path,
                           size_exact(plan->survey->bytes, size, sizeof(size)));
    return step->text == NULL ? -1 : 0;
}

int plan_add_claim(struct plan *plan, struct extent range, char *what, struct err *e)
{
    struct plan_claim *grown = realloc(plan->claims, (plan->n_claims + 1) * sizeof(*grown));

    if (what == NULL || grown == NULL) {
        free(what);
        return err_no_memory(e);
    }
    plan->claims = grown;
    grown[plan->n_claims++] = (struct plan_claim){range, what};
    return 0;
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
    for (size_t i = 0; i < plan->n_claims; i++)
        free(plan->claims[i].what);
    free(plan->claims);
    for (size_t i = 0; i < plan->n_layouts; i++)
        table_free(plan->layouts[i]);
    free(plan->layouts);
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
