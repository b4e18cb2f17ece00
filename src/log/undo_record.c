// SPDX-License-Identifier: GPL-3.0-or-later
/* undo_record.c: what it takes to undo a plan that was done. */
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/size.h"
#include "log/undo_parts.h"
#include "partition/mbr.h"

#include <string.h>

/* What keeps the menu in step with the rest, and is put right by every plan; and an empty file. */
static bool is_aside(const struct step *step)
{
    return step->kind == STEP_HOLD || step->kind == STEP_RELEASE || step->kind == STEP_MENU ||
           step->kind == STEP_CREATE;
}

bool undo_moves_content(const struct step *step)
{
    return step->kind == STEP_RESIZE || step->kind == STEP_MOVE;
}

const struct step *undo_only_step(const struct plan *plan)
{
    const struct step *only = NULL;

    for (size_t i = 0; i < plan->n_steps; i++) {
        if (is_aside(&plan->steps[i]))
            continue;
        if (only != NULL)
            return NULL;
        only = &plan->steps[i];
    }
    return only;
}

/* What its filesystem cannot give back no undo takes: one that never becomes smaller. */
static bool only_grows(const struct step *step)
{
    const struct fs_ops *fs = step->fs != NULL ? fs_by_name(step->fs) : NULL;

    return step->kind == STEP_RESIZE && step->to.bytes > step->from.bytes && fs != NULL &&
           fs->shrink != NULL && fs->shrink_mounted == NULL;
}

/* A filesystem in a partition that is new, where no other was and nothing was lost: it goes with
 * that. Not an encrypted one, whose beginning does not show that it was used. */
static bool goes_with_partition(const struct plan *plan, const struct step *step)
{
    const struct fs_ops *fs = step->kind == STEP_FORMAT ? fs_by_name(step->fs) : NULL;

    if (fs == NULL || fs->locked != NULL || step->n_loses > 0 || plan->survey == NULL)
        return false;
    for (size_t i = 0; i < plan->survey->n_partitions; i++) {
        const struct survey_partition *p = &plan->survey->partitions[i];

        if (p->number == step->number ||
            (!mbr_is_extended(p->code) && extent_overlaps(&p->range, &step->to)))
            return false;
    }
    return true;
}

bool undo_covers(const struct plan *plan)
{
    const struct step *only = undo_only_step(plan);
    bool does = false;

    if (plan->gives_up)
        return false;
    if (only != NULL && only->kind == STEP_WIPE)
        return true;
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];

        if (is_aside(step))
            continue;
        if ((!undo_moves_content(step) && step->kind != STEP_LAYOUT && step->kind != STEP_RESTORE &&
             !goes_with_partition(plan, step)) ||
            only_grows(step))
            return false;
        does = true;
    }
    return does;
}

const struct step *undo_plain_step(const struct plan *plan)
{
    const struct step *only = undo_only_step(plan);

    return only != NULL && !plan->gives_up &&
                   (only->kind == STEP_LAYOUT || only->kind == STEP_RESTORE ||
                    only->kind == STEP_WIPE)
               ? only
               : NULL;
}

static enum history_op op_of(const struct step *step)
{
    if (step == NULL)
        return HISTORY_TABLE;
    return step->kind == STEP_MOVE     ? HISTORY_MOVE
           : step->kind == STEP_RESIZE ? HISTORY_RESIZE
           : step->kind == STEP_WIPE   ? HISTORY_WIPE
                                       : HISTORY_TABLE;
}

/* step: the plan's only one, or NULL. */
struct history_undo *undo_new(const struct step *step, const char *text, size_t n_regions,
                              struct err *e)
{
    struct history_undo *undo = calloc(1, sizeof(*undo));

    if (undo == NULL) {
        err_no_memory(e);
        return NULL;
    }
    undo->op = op_of(step);
    undo->text = history_line(text);
    undo->regions = calloc(n_regions + 1, sizeof(*undo->regions));
    if (step != NULL) {
        undo->partition = step->partition;
        undo->from = step->from;
        undo->to = step->to;
        undo->fs = step->fs != NULL ? strdup(step->fs) : NULL;
    }
    if (undo->text != NULL && undo->regions != NULL &&
        (step == NULL || step->fs == NULL || undo->fs != NULL))
        return undo;
    history_undo_free(undo);
    err_no_memory(e);
    return NULL;
}

static bool is_partly_remembered(const struct disk_log *log, const struct extent *range)
{
    for (size_t i = 0; i < log->n_before; i++)
        if (extent_overlaps(&log->before[i].range, range))
            return true;
    return false;
}

/* Which of the remembered bytes undo puts back: of a wipe the signatures, of a table the table. A
 * move or resize writes it by its meaning, which does not say all that an MBR has. */
static bool comes_back(const struct disk_log *log, const struct history_undo *undo,
                       const struct extent *range)
{
    if (undo->op == HISTORY_WIPE)
        return extent_contains(&undo->to, range);
    return undo->op == HISTORY_TABLE || log->there->kind == TABLE_MBR;
}

/* What was remembered, and boot records that the table has got: the old one needs nothing that was
 * there, but somebody may change them. */
static int add_regions(const struct disk_log *log, struct blockdev *bd,
                       const struct extent *sectors, size_t n, struct history_undo *undo,
                       struct err *e)
{
    for (size_t i = 0; i < log->n_before; i++)
        if (undo_add_region(bd, log->before[i].range,
                            comes_back(log, undo, &log->before[i].range) ? log->before[i].before
                                                                         : NULL,
                            undo, e) < 0)
            return -1;
    for (size_t i = 0; i < n; i++)
        if (!is_partly_remembered(log, &sectors[i]) &&
            undo_add_region(bd, sectors[i], NULL, undo, e) < 0)
            return -1;
    return 0;
}

/* The heads of what was moved, resized or made: a superblock changes with every mount, and more
 * often than the seconds that it counts. Of several steps for one partition the last one counts. */
static int add_heads(struct blockdev *bd, const struct plan *plan, struct history_undo *undo,
                     struct err *e)
{
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];
        const struct fs_ops *fs = step->fs != NULL ? fs_by_name(step->fs) : NULL;
        struct extent head;
        bool again = false;

        for (size_t k = i + 1; k < plan->n_steps; k++)
            again |= undo_moves_content(&plan->steps[k]) &&
                     guid_equal(&plan->steps[k].partition, &step->partition);
        if ((undo_moves_content(step) || step->kind == STEP_FORMAT) && !again &&
            (undo_find_head(bd, fs, step->to, &head, e) < 0 ||
             undo_add_region(bd, head, NULL, undo, e) < 0))
            return -1;
    }
    return 0;
}

/* What is encrypted grew without its content: whoever uses it writes where that begins. */
static int add_locked(struct blockdev *bd, const struct table *before, const struct table *now,
                      const struct plan *plan, struct history_undo *undo, struct err *e)
{
    for (size_t i = 0; i < now->n; i++) {
        const struct table_entry *entry = &now->entries[i],
                                 *was = table_same_entry(before, now, entry);
        const struct survey_partition *found = survey_by_uuid(plan->survey, &entry->uuid);
        const struct fs_ops *fs =
            found != NULL && found->fs != NULL ? fs_by_blkid(found->fs) : NULL;
        _cleanup_blockdev_ struct blockdev *slice = NULL;
        struct extent head = {entry->range.start, UNDO_HEAD}, data = head;
        struct err unknown;
        uint64_t offset;

        if (was == NULL || was->range.start != entry->range.start ||
            was->range.bytes >= entry->range.bytes || fs == NULL || fs->locked == NULL)
            continue;
        slice = slice_open(bd, was->range, e);
        if (slice == NULL)
            return -1;
        if (fs->head(slice, &offset, &unknown) < 0 || offset >= was->range.bytes)
            continue; /* then its key is needed */
        data.start += offset;
        data.bytes = was->range.bytes - offset < MIB ? was->range.bytes - offset : MIB;
        if (undo_add_region(bd, head, NULL, undo, e) < 0 ||
            undo_add_region(bd, data, NULL, undo, e) < 0)
            return -1;
    }
    return 0;
}

/* True when a partition has gone, and something was put over it. */
static bool is_overwritten(const struct table *before, const struct table *now,
                           const struct plan *plan)
{
    for (size_t i = 0; i < before->n; i++) {
        const struct extent *gone = &before->entries[i].range;

        if (table_same_entry(now, before, &before->entries[i]) != NULL)
            continue;
        for (size_t k = 0; k < plan->n_steps; k++)
            if (undo_moves_content(&plan->steps[k]) && extent_overlaps(&plan->steps[k].to, gone))
                return true;
    }
    return false;
}

static int fill(const struct disk_log *log, struct blockdev *bd, const struct plan *plan,
                const struct extent *sectors, size_t n, struct history_undo *undo, struct err *e)
{
    const struct step *step = undo_only_step(plan);

    if (add_regions(log, bd, sectors, n, undo, e) < 0 || add_heads(bd, plan, undo, e) < 0)
        return -1;
    return step != NULL && undo_moves_content(step) ? undo_written(bd, step, &undo->fs_written, e)
                                                    : 0;
}

int undo_describe(const struct disk_log *log, struct blockdev *bd, const struct plan *plan,
                  const char *text, struct history_undo **undo, struct err *e)
{
    _cleanup_table_ struct table *before = NULL, *now = NULL;
    _cleanup_free_ struct extent *sectors = NULL;
    size_t n = 0;

    *undo = NULL;
    if (!undo_covers(plan) || log->n_before == 0)
        return 0;
    before = undo_table(bd, log->before, log->n_before, e);
    now = before == NULL ? NULL : table_read(bd, e);
    if (now == NULL || (now->kind != TABLE_NONE && table_sectors(now, bd, &sectors, &n, e) < 0))
        return -1;
    if (is_overwritten(before, now, plan))
        return 0;
    *undo = undo_new(undo_only_step(plan), text, log->n_before + n + plan->n_steps + 3 * now->n, e);
    if (*undo == NULL)
        return -1;
    if (fill(log, bd, plan, sectors, n, *undo, e) == 0 &&
        undo_add_cuts(bd, before, now, plan, *undo, e) == 0 &&
        ((*undo)->op != HISTORY_TABLE || add_locked(bd, before, now, plan, *undo, e) == 0))
        return 0;
    history_undo_free(*undo);
    *undo = NULL;
    return -1;
}
