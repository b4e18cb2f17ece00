// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * undo_bytes.c: puts back the bytes that were where the table is: of a table that cannot be
 * written, and behind one that was written, for what a table's meaning does not say (an MBR's
 * cylinders, entries of a GPT that nobody uses).
 *
 * No byte of a partition that is there now is written: a log that others wrote may mean any.
 */
#include "core/cleanup.h"
#include "log/undo_parts.h"

const struct history_undo *undo_of(const struct disk_log *log)
{
    if (log->history == NULL)
        return NULL;
    return log->history->undo == NULL && log->own != NULL ? log->own->history->undo
                                                          : log->history->undo;
}

bool undo_returns(const struct disk_log *log, const struct history_region *region)
{
    for (size_t i = 0; i < log->there->n; i++)
        if (extent_overlaps(&log->there->entries[i].range, &region->range))
            return false;
    return region->before != NULL;
}

/* All come back or none: a chain of boot records of which one stays elsewhere would be broken. */
bool undo_is_exact(const struct disk_log *log, const struct plan *plan, const struct step *step)
{
    const struct history_undo *undo = undo_of(log);

    if (!step->exact || undo_only_step(plan) != step || undo == NULL || undo->op != HISTORY_TABLE)
        return false;
    for (size_t i = 0; i < undo->n_regions; i++)
        if (undo->regions[i].before != NULL && !undo_returns(log, &undo->regions[i]))
            return false;
    return true;
}

int undo_are_back(const struct disk_log *log, struct blockdev *bd, struct err *e)
{
    const struct history_undo *undo = undo_of(log);
    int back = 1;

    for (size_t i = 0; undo != NULL && back > 0 && i < undo->n_regions; i++)
        if (undo_returns(log, &undo->regions[i]))
            back = undo_is_back(bd, &undo->regions[i], e);
    return back;
}

static int put(struct disk *disk, const struct history_region *region, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);
    int back = undo_is_back(bd, region, e);

    if (back != 0)
        return back < 0 ? -1 : 0;
    if (disk_allow(disk, region->range, e) < 0 ||
        blockdev_pwrite(bd, region->before, (size_t)region->range.bytes, region->range.start, e) <
            0)
        return -1;
    return blockdev_flush(bd, e);
}

int undo_put_back(const struct disk_log *log, struct disk *disk, bool from_end, struct err *e)
{
    const struct history_undo *undo = undo_of(log);

    for (size_t i = 0; undo != NULL && i < undo->n_regions; i++) {
        const struct history_region *region =
            &undo->regions[from_end ? undo->n_regions - 1 - i : i];

        if (undo_returns(log, region) && put(disk, region, e) < 0)
            return -1;
    }
    return 0;
}
