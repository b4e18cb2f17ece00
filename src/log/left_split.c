// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * left_split.c: cuts what berth left in free space where a plan takes a piece of it, so that the
 * rest still counts. Where the boot records of logical partitions will be is found out by writing
 * the plan's tables to memory.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/probe.h"
#include "log/left_parts.h"
#include "partition/gpt.h"
#include "partition/table_stage.h"

#include <string.h>

/* ---- what a plan takes ---- */

static int add_records(struct blockdev *stage, struct extents *taken, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(stage, e);

    if (table == NULL)
        return -1;
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].ebr != 0 &&
            extents_add(taken, (struct extent){table->entries[i].ebr, stage->sector}, e) < 0)
            return -1;
    return 0;
}

/* One that cannot be written is no concern of this: the step says so. */
static int try_table(struct blockdev *stage, const struct table *table, struct extents *taken,
                     struct err *e)
{
    struct err ignored;

    return table_write(stage, table, &ignored) < 0 ? 0 : add_records(stage, taken, e);
}

/* A move has the entry over both places first, then at the new one. */
static int try_move(struct blockdev *stage, const struct step *step, struct extents *taken,
                    struct err *e)
{
    const struct extent ranges[] = {extent_union(&step->from, &step->to), step->to};

    for (size_t i = 0; i < 2; i++) {
        _cleanup_table_ struct table *table = table_read(stage, e);
        struct table_entry *entry =
            table != NULL ? table_entry_by_uuid(table, &step->partition) : NULL;

        if (table == NULL)
            return -1;
        if (entry == NULL)
            return 0;
        entry->range = ranges[i];
        entry->ebr = 0;
        if (try_table(stage, table, taken, e) < 0)
            return -1;
    }
    return 0;
}

static int list_records(struct blockdev *bd, const struct plan *plan, struct extents *taken,
                        struct err *e)
{
    _cleanup_table_ struct table *there = table_read(bd, e);
    _cleanup_blockdev_ struct blockdev *stage = NULL;
    int result = 0;

    if (there == NULL)
        return -1;
    if (there->kind != TABLE_MBR || there->extended.range.bytes == 0)
        return 0;
    stage = table_stage_open(bd, there, e);
    if (stage == NULL)
        return -1;
    for (size_t i = 0; result == 0 && i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];

        if (step->kind == STEP_LAYOUT)
            result = try_table(stage, plan->layouts[step->layout], taken, e);
        else if (step->kind == STEP_MOVE)
            result = try_move(stage, step, taken, e);
    }
    return result;
}

static int add_entries(struct extents *to, const struct table *table, struct err *e)
{
    for (size_t i = 0; table != NULL && i < table->n; i++)
        if (extents_add(to, table->entries[i].range, e) < 0)
            return -1;
    return 0;
}

/* Where the plan puts something of a partition, or a boot record, or the log. */
static int list_taken(const struct plan *plan, struct blockdev *bd, struct extent area,
                      struct extents *taken, struct err *e)
{
    if (extents_add(taken, area, e) < 0 || list_records(bd, plan, taken, e) < 0)
        return -1;
    for (size_t i = 0; i < plan->n_steps; i++)
        if (extents_add(taken, plan->steps[i].to, e) < 0)
            return -1;
    for (size_t i = 0; i < plan->n_layouts; i++)
        if (add_entries(taken, plan->layouts[i], e) < 0)
            return -1;
    return add_entries(taken, plan->table, e);
}

/* ---- cutting ---- */

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Where in the range something that the plan takes begins or ends, with the range's own end. */
static uint64_t *cuts_of(struct extent range, const struct extents *taken, size_t *n, struct err *e)
{
    uint64_t *cuts = calloc(2 * taken->n + 1, sizeof(*cuts));

    *n = 0;
    if (cuts == NULL) {
        err_no_memory(e);
        return NULL;
    }
    for (size_t i = 0; i < taken->n; i++) {
        uint64_t ends[2] = {taken->list[i].start, extent_end(&taken->list[i])};

        for (int k = 0; k < 2; k++)
            if (ends[k] > range.start && ends[k] < extent_end(&range))
                cuts[(*n)++] = ends[k];
    }
    cuts[(*n)++] = extent_end(&range);
    qsort(cuts, *n, sizeof(*cuts), by_value);
    return cuts;
}

/* A partition comes over the piece, and nothing is written into it: all of it gets into digests, so
 * that it is known later whether somebody has. */
static bool is_to_be_covered(const struct plan *plan, const struct extents *taken,
                             const struct extent *piece)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (extent_overlaps(&plan->steps[i].to, piece))
            return false;
    return piece->bytes > PROBE_DIGEST_WHOLE && piece->bytes <= LEFT_COVERED_MOST &&
           extents_overlap(taken, piece);
}

static int keep_whole(struct history *history, struct blockdev *bd, struct extent piece,
                      struct err *e)
{
    uint64_t end = extent_end(&piece);

    for (; piece.start < end; piece.start += piece.bytes) {
        uint64_t rest = end - piece.start;

        piece.bytes = rest < PROBE_DIGEST_WHOLE ? rest : PROBE_DIGEST_WHOLE;
        if (left_keep(history, bd, piece, false, e) < 0)
            return -1;
    }
    return 0;
}

static int keep_cut(struct history *history, struct blockdev *bd, const struct plan *plan,
                    const struct extents *taken, struct extent piece, struct err *e)
{
    if (piece.bytes == 0)
        return 0;
    return is_to_be_covered(plan, taken, &piece) ? keep_whole(history, bd, piece, e)
                                                 : left_keep(history, bd, piece, false, e);
}

/* Pieces of which each step of the plan takes all or nothing become ranges of their own. */
static int split(struct history *history, size_t i, struct blockdev *bd, const struct plan *plan,
                 const struct extents *taken, struct err *e)
{
    struct extent piece = history->left[i].range;
    bool covered = is_to_be_covered(plan, taken, &piece);
    size_t n;
    _cleanup_free_ uint64_t *cuts = cuts_of(piece, taken, &n, e);
    int same = cuts == NULL ? -1 : n > 1 || covered ? left_is_same(bd, &history->left[i], e) : 1;

    if (same < 0 || (n == 1 && !covered))
        return same < 0 ? -1 : 0;
    history_drop_left(history, i);
    for (size_t k = 0; same > 0 && k < n; k++) {
        piece.bytes = cuts[k] - piece.start;
        if (keep_cut(history, bd, plan, taken, piece, e) < 0)
            return -1;
        piece.start = cuts[k];
    }
    return 0;
}

int left_split(struct history *history, struct blockdev *bd, const struct plan *plan,
               struct extent area, struct err *e)
{
    struct extents taken = {0};
    int result = history->n_left > 0 ? list_taken(plan, bd, area, &taken, e) : 0;

    for (size_t i = history->n_left; result == 0 && i-- > 0;)
        if (!history->left[i].made)
            result = split(history, i, bd, plan, &taken, e);
    free(taken.list);
    return result;
}
