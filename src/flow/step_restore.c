// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * step_restore.c: undoes the making of a table where there was none: the bytes that it overwrote
 * come back, and the disk's area becomes the zeros it was made of, since it may lie in what the
 * disk held before.
 */
#include "core/cleanup.h"
#include "flow/step_ops.h"
#include "flow/undo.h"

int step_restore_done(struct apply *apply, const struct step *step, struct err *e)
{
    const struct history_undo *undo = apply->log.history != NULL ? apply->log.history->undo : NULL;
    int back = apply->log.area.range.bytes == 0 || apply->log.file != NULL;
    (void)step;

    for (size_t i = 0; undo != NULL && back > 0 && i < undo->n_regions; i++)
        if (undo->regions[i].before != NULL)
            back = undo_is_back(disk_blockdev(apply->disk), &undo->regions[i], e);
    return back;
}

/* Of partitions that overlap the kernel takes one only. */
static int teach_restored(struct apply *apply, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);

    if (table == NULL)
        return -1;
    return table_has_damage(table, DAMAGE_OVERLAP) ? 0 : step_teach_kernel(apply, table, e);
}

/* From the front of the disk: the first sector or header that is back ends the table, and from then
 * on the log is found where a new table would have put it. */
static int put_back(struct disk *disk, const struct history_undo *undo, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);

    for (size_t i = 0; i < undo->n_regions; i++) {
        const struct history_region *region = &undo->regions[i];

        if (region->before == NULL)
            continue;
        if (disk_allow(disk, region->range, e) < 0 ||
            blockdev_pwrite(bd, region->before, (size_t)region->range.bytes, region->range.start,
                            e) < 0 ||
            blockdev_flush(bd, e) < 0)
            return -1;
    }
    return 0;
}

int step_restore_apply(struct apply *apply, const struct step *step, struct err *e)
{
    struct disk_log *log = &apply->log;
    struct blockdev *bd = disk_blockdev(apply->disk);
    const struct history_undo *undo = log->history != NULL ? log->history->undo : NULL;
    static const struct table none = {.kind = TABLE_NONE};
    (void)step;

    if (undo == NULL)
        return err_set(e, ERR_REFUSED, "the disk's log has gone");
    if (step_teach_kernel(apply, &none, e) < 0 || put_back(apply->disk, undo, e) < 0)
        return -1;
    if (log->area.range.bytes > 0 && log->file == NULL &&
        (blockdev_zero(bd, log->area.range.start, log->area.range.bytes, e) < 0 ||
         blockdev_flush(bd, e) < 0))
        return -1;
    log->area.range.bytes = 0; /* there is nothing to keep a log in any more */
    return teach_restored(apply, e);
}
