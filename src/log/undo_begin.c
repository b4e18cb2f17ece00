// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * undo_begin.c: remembers what a change will overwrite.
 *
 * A change of the table, or of signatures, is written to the log before it begins, with the bytes
 * that will be there: a power cut in its middle leaves a disk of which each sector is known, and
 * the same command, given again, remembers what was there before the first try.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/probe.h"
#include "log/undo_parts.h"

#include <string.h>

#define TORN_UNIT   512
#define REGION_MOST MIB

static bool is_remembered(const struct disk_log *log, const struct extent *range)
{
    for (size_t i = 0; i < log->n_before; i++)
        if (extent_contains(&log->before[i].range, range))
            return true;
    return false;
}

/* bytes becomes the log's; NULL is a failure that was told. */
static int add_before(struct disk_log *log, struct extent range, void *bytes, struct err *e)
{
    struct history_region *grown;

    if (bytes == NULL)
        return -1;
    grown = realloc(log->before, (log->n_before + 1) * sizeof(*grown));
    if (grown == NULL) {
        free(bytes);
        return err_no_memory(e);
    }
    log->before = grown;
    grown[log->n_before++] = (struct history_region){.range = range, .before = bytes};
    return 0;
}

/* unit: bytes that each region has at most. */
static int remember(struct disk_log *log, struct blockdev *bd, struct extent range, uint64_t unit,
                    struct err *e)
{
    for (uint64_t done = 0; done < range.bytes; done += unit) {
        uint64_t left = range.bytes - done;
        struct extent piece = {range.start + done, left < unit ? left : unit};

        if (!is_remembered(log, &piece) && add_before(log, piece, undo_read(bd, piece, e), e) < 0)
            return -1;
    }
    return 0;
}

static int remember_places(struct disk_log *log, struct blockdev *bd, const struct table *table,
                           uint64_t unit, struct err *e)
{
    _cleanup_free_ struct extent *places = NULL;
    size_t n = 0;

    if (table->kind == TABLE_NONE)
        return 0;
    if (table_sectors(table, bd, &places, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (remember(log, bd, places[i], unit, e) < 0)
            return -1;
    return 0;
}

/* The sectors that have the signatures; and the first ones, since whatever is put there next begins
 * in them. */
static int remember_signatures(struct disk_log *log, struct blockdev *bd, struct extent range,
                               struct err *e)
{
    _cleanup_free_ struct probe_signature *list = NULL;
    struct extent head = {range.start, range.bytes < UNDO_HEAD ? range.bytes : UNDO_HEAD};
    size_t n;

    if (probe_signatures(bd, range, &list, &n, e) < 0 || remember(log, bd, head, TORN_UNIT, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = range.start + list[i].offset;
        uint64_t start = round_down(at, TORN_UNIT), end = round_up(at + list[i].bytes, TORN_UNIT);

        if (remember(log, bd, (struct extent){start, end - start}, TORN_UNIT, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- what was cut short ---- */

static const struct history_undo *cut_short(const struct disk_log *log)
{
    const struct history_undo *undo = log->history != NULL ? log->history->undo : NULL;

    return undo != NULL && undo->n_regions > 0 && undo->regions[0].planned != NULL ? undo : NULL;
}

/* The same but for what is new each time: GUIDs. */
static bool are_alike(const struct table *a, const struct table *b)
{
    if (a->kind != b->kind || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->entries[i].range.start != b->entries[i].range.start ||
            a->entries[i].range.bytes != b->entries[i].range.bytes ||
            !guid_equal(&a->entries[i].type, &b->entries[i].type))
            return false;
    return true;
}

/* It takes back what was cut short. */
static bool takes_back(const struct step *step)
{
    return step->kind == STEP_RESTORE || (step->kind == STEP_LAYOUT && step->exact);
}

/* 1: the plan does what was cut short once more. Half a table is nothing that somebody wants back;
 * a whole one is, unless the plan makes the same again. */
static int goes_on(const struct history_undo *undo, struct blockdev *bd, const struct table *there,
                   const struct plan *plan, struct err *e)
{
    const struct step *step = undo_plain_step(plan);
    _cleanup_table_ struct table *planned = NULL;

    if (step == NULL || (step->kind == STEP_WIPE) != (undo->op == HISTORY_WIPE) || takes_back(step))
        return 0;
    if (step->kind == STEP_WIPE)
        return step->to.start == undo->to.start && step->to.bytes == undo->to.bytes;
    planned = undo_planned_table(bd, undo, e);
    if (planned == NULL)
        return -1;
    return !table_equal(planned, there) || are_alike(planned, plan->layouts[step->layout]);
}

/* What was there before the change that was cut short; or, where that is taken back, what it would
 * have made: half of it is nothing that a second undo should bring back. */
static int adopt(struct disk_log *log, const struct history_undo *undo, bool planned, struct err *e)
{
    for (size_t i = 0; i < undo->n_regions; i++) {
        const struct history_region *region = &undo->regions[i];
        const void *bytes = planned ? region->planned : region->before;
        void *copy;

        if (bytes == NULL)
            continue;
        if (undo_copy(&copy, bytes, region->range.bytes, e) < 0 ||
            add_before(log, region->range, copy, e) < 0)
            return -1;
    }
    return 0;
}

/* The pieces of what was remembered before: where it was sector by sector, so it is again. */
static uint64_t unit_of(const struct history_undo *undo)
{
    for (size_t i = 0; undo != NULL && i < undo->n_regions; i++)
        if (undo->regions[i].before != NULL && undo->regions[i].range.bytes > TORN_UNIT)
            return REGION_MOST;
    return TORN_UNIT;
}

/* Has what is there now where the log remembers what was. */
static int fill_stage(struct blockdev *stage, struct blockdev *bd, const struct disk_log *log,
                      struct err *e)
{
    for (size_t i = 0; i < log->n_before; i++) {
        struct extent range = log->before[i].range;
        _cleanup_free_ void *now = undo_read(bd, range, e);

        if (now == NULL || blockdev_pwrite(stage, now, (size_t)range.bytes, range.start, e) < 0)
            return -1;
    }
    return 0;
}

/* Boot records of an MBR get their places when they are written: so that is tried. */
static int remember_records(struct disk_log *log, struct blockdev *bd, const struct plan *plan,
                            uint64_t unit, struct err *e)
{
    const struct step *step = undo_plain_step(plan);
    _cleanup_blockdev_ struct blockdev *stage = NULL;
    _cleanup_table_ struct table *planned = NULL;

    if (step == NULL || step->kind != STEP_LAYOUT || plan->layouts[step->layout]->kind != TABLE_MBR)
        return 0;
    stage = mem_open(bd->bytes, bd->sector, e);
    if (stage == NULL || fill_stage(stage, bd, log, e) < 0 ||
        table_replace(stage, plan->layouts[step->layout], step->mends, e) < 0)
        return -1;
    planned = table_read(stage, e);
    return planned == NULL ? -1 : remember_places(log, bd, planned, unit, e);
}

/* What is there now where bytes come back. */
static int remember_returning(struct disk_log *log, struct blockdev *bd, uint64_t unit,
                              struct err *e)
{
    const struct history_undo *undo = undo_of(log);

    for (size_t i = 0; undo != NULL && i < undo->n_regions; i++)
        if (undo_returns(log, &undo->regions[i]) &&
            remember(log, bd, undo->regions[i].range, unit, e) < 0)
            return -1;
    return 0;
}

int undo_remember(struct disk_log *log, struct blockdev *bd, const struct table *there,
                  const struct plan *plan, struct err *e)
{
    const struct history_undo *undo = cut_short(log);
    const struct step *step = undo_plain_step(plan);
    bool back = step != NULL && takes_back(step);
    int again = undo != NULL ? goes_on(undo, bd, there, plan, e) : 0;
    /* where a table comes over something else, or over a damaged one, an undo that was torn between
     * sectors goes on; and no region may reach over one that was remembered before */
    bool as_bytes = there->kind == TABLE_NONE || there->n_damage > 0;
    bool adopts = again > 0 || (back && undo != NULL);
    uint64_t unit = adopts || as_bytes ? TORN_UNIT : back ? unit_of(undo_of(log)) : REGION_MOST;

    if (again < 0 || (adopts && adopt(log, undo, back, e) < 0) ||
        (back && remember_returning(log, bd, unit, e) < 0) ||
        remember_places(log, bd, there, unit, e) < 0)
        return -1;
    for (size_t i = 0; i < plan->n_layouts; i++)
        if (remember_places(log, bd, plan->layouts[i], unit, e) < 0)
            return -1;
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind == STEP_WIPE &&
            remember_signatures(log, bd, plan->steps[i].to, e) < 0)
            return -1;
    return remember_records(log, bd, plan, unit, e);
}

void undo_forget(struct disk_log *log)
{
    for (size_t i = 0; i < log->n_before; i++)
        free(log->before[i].before);
    free(log->before);
    log->before = NULL;
    log->n_before = 0;
}

/* ---- before the first write ---- */

static int rehearse_restore(struct blockdev *stage, const struct disk_log *log, struct err *e)
{
    const struct history_undo *undo = undo_of(log);

    for (size_t i = 0; undo != NULL && i < undo->n_regions; i++) {
        const struct history_region *region = &undo->regions[i];

        if (undo_returns(log, region) &&
            blockdev_pwrite(stage, region->before, (size_t)region->range.bytes, region->range.start,
                            e) < 0)
            return -1;
    }
    return 0;
}

/* Does the step on a stage that has the bytes where the plan writes. */
static int rehearse(struct blockdev *stage, const struct disk_log *log, const struct plan *plan,
                    const struct step *step, struct err *e)
{
    struct blockdev *bd = log->disk;
    _cleanup_free_ struct probe_signature *list = NULL;
    size_t n;

    if (step->kind == STEP_LAYOUT)
        return table_replace(stage, plan->layouts[step->layout], step->mends, e);
    if (step->kind == STEP_RESTORE)
        return rehearse_restore(stage, log, e);
    if (probe_signatures(bd, step->to, &list, &n, e) < 0)
        return -1;
    return probe_wipe(stage, step->to, list, n, e);
}

static int add_begun(struct history_undo *begun, const struct history_region *before,
                     struct blockdev *bd, struct blockdev *stage, struct err *e)
{
    struct history_region *region = &begun->regions[begun->n_regions++];
    uint64_t bytes = before->range.bytes;

    region->range = before->range;
    if (undo_copy(&region->before, before->before, bytes, e) < 0)
        return -1;
    region->planned = undo_read(stage, region->range, e);
    region->began = undo_read(bd, region->range, e);
    if (region->planned == NULL || region->began == NULL)
        return -1;
    if (memcmp(region->began, region->before, (size_t)bytes) == 0) {
        free(region->began);
        region->began = NULL;
    }
    return 0;
}

static int add_begun_cuts(const struct disk_log *log, struct blockdev *bd, const struct table *to,
                          const struct plan *plan, struct history_undo *begun, struct err *e)
{
    _cleanup_table_ struct table *before = undo_table(bd, log->before, log->n_before, e);

    return before == NULL ? -1 : undo_add_cuts(bd, before, to, plan, begun, e);
}

int undo_begin(struct disk_log *log, struct blockdev *bd, const struct plan *plan, const char *text,
               struct err *e)
{
    const struct step *step = undo_plain_step(plan);
    _cleanup_blockdev_ struct blockdev *stage = NULL;
    struct history_undo *begun;
    const struct table *to;

    if (step == NULL || log->n_before == 0)
        return 0;
    stage = mem_open(bd->bytes, bd->sector, e);
    if (stage == NULL || fill_stage(stage, bd, log, e) < 0 ||
        rehearse(stage, log, plan, step, e) < 0)
        return -1;
    to = step->kind == STEP_LAYOUT ? plan->layouts[step->layout] : NULL;
    begun = log->history->begun = undo_new(step, text, log->n_before + (to != NULL ? to->n : 0), e);
    if (begun == NULL)
        return -1;
    for (size_t i = 0; i < log->n_before; i++)
        if (add_begun(begun, &log->before[i], bd, stage, e) < 0)
            return -1;
    return to != NULL ? add_begun_cuts(log, bd, to, plan, begun, e) : 0;
}
