// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * apply.c: locks, looks again, then walks the steps. Nothing is written before every claim is held
 * and the second look agrees with the first.
 */
#include "apply/apply.h"
#include "apply/observe.h"
#include "apply/step_ops.h"
#include "core/cleanup.h"
#include "core/folders.h"
#include "fs/fs.h"
#include "images/verify.h"
#include "log/disk_log.h"
#include "log/undo.h"

#include <string.h>

int plan_note_users(struct plan *plan, struct disk *disk, struct err *e)
{
    struct err why;

    if (plan->n_steps == 0 || disk_check_users(disk, &why) == 0)
        return 0;
    if (why.code != ERR_IN_USE) {
        *e = why;
        return -1;
    }
    return plan_note(plan, e, "%s: while that is so, doing these steps is refused", why.text);
}

static int claim(struct apply *apply, struct err *e)
{
    const struct plan *plan = apply->plan;

    for (size_t i = 0; i < plan->n_claims; i++)
        if (disk_claim(apply->disk, plan->claims[i].range, plan->claims[i].what, e) < 0)
            return -1;
    return 0;
}

static int allow_places(struct apply *apply, const struct table *table, struct err *e)
{
    _cleanup_free_ struct extent *places = NULL;
    size_t n;

    if (table_places(table, disk_blockdev(apply->disk), &places, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (disk_allow(apply->disk, places[i], e) < 0)
            return -1;
    return 0;
}

/* Where the table is, and where it will be. */
static int allow_table(struct apply *apply, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(apply->disk), e);

    if (there == NULL || (there->kind != TABLE_NONE && allow_places(apply, there, e) < 0))
        return -1;
    for (size_t i = 0; i < apply->plan->n_layouts; i++)
        if (allow_places(apply, apply->plan->layouts[i], e) < 0)
            return -1;
    return apply->plan->table != NULL ? allow_places(apply, apply->plan->table, e) : 0;
}

/* Surveys and plans again, now that the table is locked. */
static int look_again(struct apply *apply, struct job *job, struct err *e)
{
    _cleanup_survey_ struct survey *survey = observe(apply->disk, apply->path, OBSERVE_RECORD, e);
    _cleanup_plan_ struct plan *plan = NULL;

    if (survey == NULL)
        return -1;
    plan = job->plan_again(job, apply->disk, survey, e);
    if (plan == NULL)
        return -1;
    if (plan_equal(plan, apply->plan) &&
        (!apply->plan->survey->exists || survey_same_disk(survey, apply->plan->survey)))
        return 0;
    err_set(e, ERR_REFUSED, "%s has changed since its steps were shown", apply->path);
    return err_hint(e, "nothing was written; give the command again");
}

/* The kernel may remember partitions that the table no longer has, or not know one that it has. And
 * what the plan will tell it must be something that it can do. */
static int teach_kernel(struct apply *apply, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(apply->disk), e);

    if (there == NULL || step_teach_kernel(apply, there, e) < 0)
        return -1;
    for (size_t i = 0; i < apply->plan->n_layouts; i++)
        if (!table_has_damage(apply->plan->layouts[i], DAMAGE_OVERLAP) &&
            step_check_kernel(apply, apply->plan->layouts[i], e) < 0)
            return -1;
    return disk_same_device(apply->disk, e);
}

static int lock_everything(struct apply *apply, struct job *job, struct err *e)
{
    apply->disk = disk_open(apply->path, true, apply->plan->survey->sector, e);
    if (apply->disk == NULL)
        return -1;
    if (disk_lock_table(apply->disk, e) < 0 || disk_check_users(apply->disk, e) < 0 ||
        look_again(apply, job, e) < 0 || teach_kernel(apply, e) < 0 || allow_table(apply, e) < 0 ||
        claim(apply, e) < 0)
        return -1;
    return disk_log_start(&apply->log, apply->disk, apply->plan, job->journal, e);
}

/* What may not fit is found out before the first step. One that is the first itself looks before it
 * writes. */
static int try_resizes(struct apply *apply, size_t from, struct err *e)
{
    const struct plan *plan = apply->plan;

    for (size_t i = from + 1; !plan->finishes && i < plan->n_steps; i++)
        if (plan->steps[i].kind == STEP_RESIZE && step_resize_try(apply, &plan->steps[i], e) < 0)
            return -1;
    return 0;
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

/* A resize or move that failed and left nothing to finish: the systems boot as they did. */
static void let_boot(struct apply *apply)
{
    const struct plan *plan = apply->plan;
    struct err ignored;

    if (apply->log.history == NULL || apply->log.history->pending != NULL)
        return;
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind == STEP_RELEASE)
            (void)step_let_boot(apply, &plan->steps[i], &ignored);
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

/* The tools of filesystems work on an overlay, which has as much in it as they change: more than
 * memory may hold, so that it needs a file, and a folder for it. */
int apply_check(const struct job *job, struct err *e)
{
    const struct plan *plan = job->plan;

    if (plan->finishes)
        return 0; /* it may only have to be copied from the journal; it stays pending if not */
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];
        const struct fs_ops *fs =
            step->kind == STEP_RESIZE && step->mountpoint == NULL && step->fs != NULL
                ? fs_by_name(step->fs)
                : NULL;

        if (fs != NULL && (fs->resize != NULL || (fs->locked != NULL && job->key_file != NULL)))
            return state_folder_check(e);
    }
    return 0;
}

/* Makes the disk's file, where that is the first step. Returns how many steps that was. */
static int make_file(struct apply *run, struct err *e)
{
    const struct step *first = &run->plan->steps[0];

    if (first->kind != STEP_CREATE)
        return 0;
    ui_note(run->ui, "%s", first->text);
    return step_kinds[STEP_CREATE].apply(run, first, e) < 0 ? -1 : 1;
}

int apply(struct job *job, struct ui *ui, struct err *e)
{
    struct apply run = {.plan = job->plan, .path = job->path, .key_file = job->key_file, .ui = ui};
    int first, result;

    if (job->plan->n_steps == 0)
        return 0;
    if (apply_check(job, e) < 0 || verify_images(job->plan, ui, e) < 0)
        return -1;
    if (getenv("BERTH_SEED") != NULL)
        ui_note(ui, "BERTH_SEED is set: other disks made with it have the same identifiers; never "
                    "attach two of them to one machine");
    first = make_file(&run, e);
    if (first < 0)
        return -1;
    result = lock_everything(&run, job, e);
    if (result == 0)
        result = try_resizes(&run, (size_t)first, e);
    if (result == 0) {
        result = walk(&run, (size_t)first, e);
        if (result == 0 && run.plan->takes_back)
            result = undo_put_sectors_back(&run.log, run.disk, e);
        if (result == 0)
            result = disk_log_finish(&run.log, run.disk, run.plan, run.ui, e);
        if (result < 0) {
            let_boot(&run);
            explain(&run, e);
        }
    }
    disk_log_close(&run.log);
    disk_close(run.disk);
    return result;
}
