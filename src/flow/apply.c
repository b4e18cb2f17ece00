// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * apply.c: locks, looks again, then walks the steps. Nothing is written before every claim is held
 * and the second look agrees with the first.
 */
#include "flow/apply.h"
#include "core/cleanup.h"
#include "flow/observe.h"
#include "flow/step_ops.h"
#include "images/verify.h"

#include <string.h>

/* Claims what exists already and will be written: unfinished partitions, an unmounted ESP, and what
 * is to be removed, so that nobody uses it then. */
static int claim_partitions(struct apply *apply, struct err *e)
{
    const struct plan *plan = apply->plan;

    for (size_t i = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];
        bool raw_esp =
            p->content == CONTENT_ESP && p->found != NULL && p->found->mountpoint == NULL;

        if (p->found != NULL && (p->fill || raw_esp) &&
            disk_claim(apply->disk, p->range, p->wanted->name, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < plan->n_removed; i++) {
        const struct survey_partition *p = survey_by_uuid(plan->survey, &plan->removed[i]);

        if (disk_claim(apply->disk, p->range, p->name, e) < 0)
            return -1;
    }
    return 0;
}

/* The table may lie anywhere before and behind the range for partitions. */
static int allow_table(struct apply *apply, struct err *e)
{
    struct extent usable = apply->plan->table->usable;
    uint64_t end = disk_blockdev(apply->disk)->bytes;

    if (disk_allow(apply->disk, (struct extent){0, usable.start}, e) < 0)
        return -1;
    return disk_allow(apply->disk, (struct extent){extent_end(&usable), end - extent_end(&usable)},
                      e);
}

/* Surveys and plans again, now that the table is locked. */
static int look_again(struct apply *apply, const struct intent *intent,
                      const struct plan_options *options, struct err *e)
{
    _cleanup_survey_ struct survey *survey = observe(apply->disk, apply->path, OBSERVE_RECORD, e);
    _cleanup_plan_ struct plan *plan = NULL;

    if (survey == NULL)
        return -1;
    plan = plan_make(intent->machine, survey, intent->images, options, e);
    if (plan == NULL)
        return -1;
    if (plan_equal(plan, apply->plan) &&
        (!apply->plan->survey->exists || survey_same_disk(survey, apply->plan->survey)))
        return 0;
    err_set(e, ERR_REFUSED, "%s has changed since its steps were shown", apply->path);
    return err_hint(e, "nothing was written; give the command again");
}

/* The kernel may remember partitions that the table no longer has, or not know one that it has. */
static int teach_kernel(struct apply *apply, struct err *e)
{
    const struct survey *survey = apply->plan->survey;
    _cleanup_free_ struct disk_partition *list = calloc(survey->n_partitions + 1, sizeof(*list));

    if (list == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < survey->n_partitions; i++)
        list[i] =
            (struct disk_partition){survey->partitions[i].number, survey->partitions[i].range};
    return disk_update_kernel(apply->disk, list, survey->n_partitions, e);
}

static int lock_everything(struct apply *apply, const struct intent *intent,
                           const struct plan_options *options, struct err *e)
{
    apply->disk = disk_open(apply->path, true, apply->plan->survey->sector, e);
    if (apply->disk == NULL)
        return -1;
    if (disk_lock_table(apply->disk, e) < 0 || disk_check_users(apply->disk, e) < 0 ||
        look_again(apply, intent, options, e) < 0 || teach_kernel(apply, e) < 0 ||
        allow_table(apply, e) < 0)
        return -1;
    return claim_partitions(apply, e);
}

static int walk(struct apply *apply, size_t from, struct err *e)
{
    const struct plan *plan = apply->plan;

    for (size_t i = from; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];
        const struct step_ops *ops = &step_kinds[step->kind];
        int done = ops->done(apply, step, e);

        if (done < 0)
            return -1;
        if (done > 0)
            continue;
        ui_note(apply->ui, "%s", step->text);
        if (ops->apply(apply, step, e) < 0)
            return -1;
        done = ops->done(apply, step, e);
        if (done < 0)
            return -1;
        if (done == 0)
            return err_set(e, ERR_FAILED, "%s: the disk does not show what was written",
                           step->target);
    }
    return 0;
}

/* Tells what a failure in the middle leaves behind. */
static int explain(const struct apply *apply, struct err *e)
{
    return err_hint(e,
                    "%s is consistent: what was there before still boots, what was not completed "
                    "is marked so; the same command completes it",
                    apply->path);
}

/* Every image that will be installed, once. */
static int verify_images(const struct plan *plan, struct ui *ui, struct err *e)
{
    for (size_t i = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];
        bool seen = p->content != CONTENT_SYSTEM || !p->fill;

        for (size_t k = 0; k < i && !seen; k++) {
            const struct plan_partition *other = &plan->partitions[k];

            seen = other->content == CONTENT_SYSTEM && other->fill &&
                   strcmp(other->image->digest, p->image->digest) == 0;
        }
        if (!seen && image_verify(p->image, ui, e) < 0)
            return -1;
    }
    return 0;
}

int apply(const struct intent *intent, const struct plan_options *options, struct ui *ui,
          struct err *e)
{
    struct apply run = {.plan = intent->plan, .path = intent->path, .ui = ui};
    const struct plan *plan = intent->plan;
    size_t first = 0;
    int result;

    if (plan->n_steps == 0)
        return 0;
    if (verify_images(plan, ui, e) < 0)
        return -1;
    if (getenv("BERTH_SEED") != NULL)
        ui_note(ui, "BERTH_SEED is set: other disks made with it have the same identifiers; never "
                    "attach two of them to one machine");
    if (plan->steps[0].kind == STEP_CREATE) {
        ui_note(ui, "%s", plan->steps[0].text);
        if (step_kinds[STEP_CREATE].apply(&run, &plan->steps[0], e) < 0)
            return -1;
        first = 1;
    }
    result = lock_everything(&run, intent, options, e);
    if (result == 0) {
        result = walk(&run, first, e);
        if (result < 0)
            explain(&run, e);
    }
    disk_close(run.disk);
    return result;
}
