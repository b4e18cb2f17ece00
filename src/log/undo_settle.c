// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * undo_settle.c: what a change that was cut short has left.
 *
 * Each of its sectors is one that it found, wrote, or was to put back; else somebody has written
 * there since, and what had begun is forgotten. Of a wipe, which writes single bytes, so is each
 * byte.
 */
#include "core/cleanup.h"
#include "core/digest.h"
#include "log/undo_parts.h"

#include <string.h>

#define SECTOR 512 /* what a power cut leaves whole */

struct table *undo_planned_table(struct blockdev *bd, const struct history_undo *undo,
                                 struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = mem_open(bd->bytes, bd->sector, e);

    for (size_t i = 0; stage != NULL && i < undo->n_regions; i++)
        if (undo->regions[i].planned != NULL &&
            blockdev_pwrite(stage, undo->regions[i].planned, (size_t)undo->regions[i].range.bytes,
                            undo->regions[i].range.start, e) < 0)
            return NULL;
    return stage == NULL ? NULL : table_read(stage, e);
}

static bool same(const void *a, const void *b, uint64_t at, size_t n)
{
    return a != NULL && memcmp((const char *)a + at, (const char *)b + at, n) == 0;
}

/* The sector is one that an undo, while it was cut short, had put back behind the table. */
static bool is_put_back(const struct history_undo *undo, struct extent sector, const void *now)
{
    for (size_t i = 0; undo != NULL && i < undo->n_regions; i++) {
        const struct history_region *region = &undo->regions[i];

        if (region->before != NULL && extent_contains(&region->range, &sector))
            return memcmp((const char *)region->before + (sector.start - region->range.start), now,
                          (size_t)sector.bytes) == 0;
    }
    return false;
}

/* True when each piece of so many bytes is one that the change found, wrote, or was to put back.
 * undo: what was to be taken back when it began, or NULL. */
static bool is_between(const struct history_region *region, const struct history_undo *undo,
                       const void *now, uint64_t unit)
{
    uint64_t bytes = region->range.bytes;

    for (uint64_t at = 0; at < bytes; at += unit) {
        size_t n = (size_t)(bytes - at < unit ? bytes - at : unit);

        if (!same(region->before, now, at, n) && !same(region->began, now, at, n) &&
            !same(region->planned, now, at, n) &&
            !is_put_back(undo, (struct extent){region->range.start + at, n},
                         (const char *)now + at))
            return false;
    }
    return true;
}

/* 1: the change was cut short, and nothing else was written there since. *changed: it had begun. */
static int is_cut_short(struct blockdev *bd, const struct history *history, bool *changed,
                        struct err *e)
{
    const struct history_undo *begun = history->begun;
    const struct history_undo *last = history->undo;
    const struct history_undo *undo =
        begun->op == HISTORY_TABLE && last != NULL && last->op == HISTORY_TABLE ? last : NULL;
    uint64_t unit = begun->op == HISTORY_WIPE ? 1 : SECTOR;

    *changed = false;
    for (size_t i = 0; i < begun->n_regions; i++) {
        const struct history_region *region = &begun->regions[i];
        _cleanup_free_ void *now = NULL;

        if (region->cut)
            continue;
        if (region->before == NULL || !undo_lies_on(bd, &region->range))
            return 0;
        now = undo_read(bd, region->range, e);
        if (now == NULL)
            return -1;
        if (!is_between(region, undo, now, unit))
            return 0;
        *changed |= !same(region->before, now, 0, (size_t)region->range.bytes);
    }
    return 1;
}

/* What is there now is what the change has left. */
static int set_after(struct history_undo *undo, struct blockdev *bd, struct err *e)
{
    for (size_t i = 0; i < undo->n_regions; i++) {
        char text[DIGEST_TEXT];

        if (undo->regions[i].cut)
            continue;
        if (undo_hash(bd, undo->regions[i].range, text, e) < 0)
            return -1;
        free(undo->regions[i].after);
        undo->regions[i].after = strdup(text);
        if (undo->regions[i].after == NULL)
            return err_no_memory(e);
    }
    return 0;
}

/* 1: what had begun was to take the last change back: it leads to the table before that. */
static int takes_back(const struct history_undo *begun, const struct history_undo *undo,
                      struct blockdev *bd, struct err *e)
{
    _cleanup_table_ struct table *planned = NULL, *before = NULL;

    if (undo == NULL || begun->op != HISTORY_TABLE || undo->op != HISTORY_TABLE)
        return 0;
    planned = undo_planned_table(bd, begun, e);
    before = planned == NULL ? NULL : undo_table(bd, undo->regions, undo->n_regions, e);
    return before == NULL ? -1 : table_equal(planned, before);
}

/* What it would have made is what was there before, to the byte. */
static void plan_to_byte(struct history_undo *begun, const struct history_undo *undo)
{
    for (size_t i = 0; i < begun->n_regions; i++)
        for (size_t k = 0; k < undo->n_regions; k++) {
            struct history_region *to = &begun->regions[i];
            const struct history_region *from = &undo->regions[k];

            if (from->before != NULL && to->planned != NULL &&
                extent_contains(&from->range, &to->range))
                memcpy(to->planned,
                       (const char *)from->before + (to->range.start - from->range.start),
                       (size_t)to->range.bytes);
        }
}

/* It becomes what undo takes back. */
static int take_over(struct history *history, struct blockdev *bd, struct err *e)
{
    int back = takes_back(history->begun, history->undo, bd, e);

    if (back < 0 || set_after(history->begun, bd, e) < 0)
        return -1;
    if (back > 0)
        plan_to_byte(history->begun, history->undo);
    history_undo_free(history->undo);
    history->undo = steal(history->begun);
    return 0;
}

int undo_settle(struct history *history, struct blockdev *bd, struct err *e)
{
    bool changed;
    int cut;

    if (history->begun == NULL)
        return 0;
    cut = is_cut_short(bd, history, &changed, e);
    if (cut < 0 || (cut > 0 && changed && take_over(history, bd, e) < 0))
        return -1;
    history_undo_free(history->begun);
    history->begun = NULL;
    return 0;
}
