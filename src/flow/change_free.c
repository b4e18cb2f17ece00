// SPDX-License-Identifier: GPL-3.0-or-later
/* change_free.c: what is in the free space that a change would write into. It is somebody's,
 * whether or not berth knows it: of a deleted partition, or put there by no partition at all.
 * Berth's own are its log, the table's sectors, and where partitions lay before the last change.
 * Reads only. */
#include "core/cleanup.h"
#include "flow/change_parts.h"
#include "flow/disk_log.h"
#include "flow/undo.h"
#include "partition/probe.h"

struct owned {
    struct extent *list;
    size_t n;
};

static int add(struct owned *owned, const struct extent *more, size_t n, struct err *e)
{
    struct extent *grown = realloc(owned->list, (owned->n + n + 1) * sizeof(*grown));

    if (grown == NULL)
        return err_no_memory(e);
    owned->list = grown;
    for (size_t i = 0; i < n; i++)
        grown[owned->n++] = more[i];
    return 0;
}

/* Its log, and what the last change left. */
static int add_log(const struct change *change, struct blockdev *bd, struct owned *owned,
                   struct err *e)
{
    _cleanup_history_ struct history *history = NULL;
    _cleanup_free_ struct extent *left = NULL;
    struct extent area;
    size_t n;

    if (disk_log_read_at(bd, change->there, &history, &area, e) < 0 ||
        add(owned, &area, area.bytes > 0, e) < 0)
        return -1;
    if (history->undo == NULL)
        return 0;
    return undo_leftovers(bd, change->there, history->undo, &left, &n, e) < 0
               ? -1
               : add(owned, left, n, e);
}

/* What is in a partition is judged with that partition. */
static int list_owned(const struct change *change, struct blockdev *bd, struct owned *owned,
                      struct err *e)
{
    const struct table *there = change->there;
    _cleanup_free_ struct extent *sectors = NULL;
    size_t n;

    for (size_t i = 0; i < there->n; i++)
        if (add(owned, &there->entries[i].range, 1, e) < 0)
            return -1;
    if (table_sectors(there, bd, &sectors, &n, e) < 0 || add(owned, sectors, n, e) < 0)
        return -1;
    return add_log(change, bd, owned, e);
}

/* 1: what of the range is in none of the n others holds something. */
static int has_data_beside(struct blockdev *bd, struct extent range, const struct extent *others,
                           size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t start = others[i].start, end = extent_end(&others[i]);
        struct extent left = {range.start, 0}, right = {end, 0};
        int found;

        if (!extent_overlaps(&range, &others[i]))
            continue;
        if (start > range.start)
            left.bytes = start - range.start;
        if (end < extent_end(&range))
            right.bytes = extent_end(&range) - end;
        found = has_data_beside(bd, left, others + i + 1, n - i - 1, e);
        return found != 0 ? found : has_data_beside(bd, right, others + i + 1, n - i - 1, e);
    }
    return range.bytes == 0 ? 0 : probe_has_data(bd, range, NULL, e);
}

static bool is_written_into(const struct change_part *part)
{
    return part->wanted != NULL &&
           (part->format != NULL || change_moves(part) || change_grows_fs(part));
}

int change_look_at_free(const struct change *change, struct blockdev *bd,
                        struct change_facts *facts, struct err *e)
{
    struct owned owned = {0};
    bool listed = false;
    int found = 0;

    /* of a disk without a table, all is one thing to be named; undo writes where all was berth's */
    if (facts->there->kind == TABLE_NONE || change->edit == edit_undo)
        return 0;
    for (size_t i = 0; i < facts->n && found >= 0; i++) {
        struct change_part *part = &facts->parts[i];

        if (!is_written_into(part))
            continue;
        if (!listed && list_owned(change, bd, &owned, e) < 0)
            found = -1;
        else
            found = has_data_beside(bd, part->wanted->range, owned.list, owned.n, e);
        listed = true;
        part->over_free = found > 0;
    }
    free(owned.list);
    return found < 0 ? -1 : 0;
}
