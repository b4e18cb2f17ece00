// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * step_restore.c: undoes a change of which the table cannot be written that was there before: the
 * bytes that it overwrote come back. Where that table has no place for the disk's log, or there was
 * none, the log's place becomes the zeros it was made of, since it may lie in what the disk held
 * before.
 */
#include "apply/step_ops.h"
#include "core/cleanup.h"
#include "log/undo.h"

int step_restore_done(struct apply *apply, const struct step *step, struct err *e)
{
    (void)step;
    return apply->log.former.bytes > 0 ? 0
                                       : undo_are_back(&apply->log, disk_blockdev(apply->disk), e);
}

/* Of partitions that overlap the kernel takes one only. */
static int teach_restored(struct apply *apply, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);

    if (table == NULL)
        return -1;
    return table_has_damage(table, DAMAGE_OVERLAP) ? 0 : step_teach_kernel(apply, table, e);
}

/* Where the log was and is no more. */
static int clear_former(struct apply *apply, struct err *e)
{
    struct blockdev *bd = disk_blockdev(apply->disk);
    struct extent *former = &apply->log.former;

    if (former->bytes > 0 &&
        (disk_allow(apply->disk, *former, e) < 0 ||
         blockdev_zero(bd, former->start, former->bytes, e) < 0 || blockdev_flush(bd, e) < 0))
        return -1;
    former->bytes = 0;
    return 0;
}

int step_restore_apply(struct apply *apply, const struct step *step, struct err *e)
{
    static const struct table none = {.kind = TABLE_NONE};
    (void)step;

    if (undo_of(&apply->log) == NULL)
        return err_set(e, ERR_REFUSED, "the disk's log has gone");
    if (step_teach_kernel(apply, &none, e) < 0 ||
        undo_put_back(&apply->log, apply->disk, false, e) < 0 || clear_former(apply, e) < 0)
        return -1;
    return teach_restored(apply, e);
}
