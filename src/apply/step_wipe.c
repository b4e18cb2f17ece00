// SPDX-License-Identifier: GPL-3.0-or-later
/* step_wipe.c: overwrites the signatures in a partition, and puts them back as the log has them. */
#include "apply/step_ops.h"
#include "core/cleanup.h"
#include "fs/probe.h"
#include "log/undo.h"

int step_wipe_done(struct apply *apply, const struct step *step, struct err *e)
{
    struct probe_signature *list = NULL;
    size_t n;

    if (probe_signatures(disk_blockdev(apply->disk), step->to, &list, &n, e) < 0)
        return -1;
    free(list);
    return n == 0;
}

int step_wipe_apply(struct apply *apply, const struct step *step, struct err *e)
{
    struct blockdev *bd = disk_blockdev(apply->disk);
    struct probe_signature *list = NULL;
    size_t n;
    int result;

    if (probe_signatures(bd, step->to, &list, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        ui_note(apply->ui, "  %s at byte %llu of it", list[i].name,
                (unsigned long long)list[i].offset);
    result = probe_wipe(bd, step->to, list, n, e);
    free(list);
    return result;
}

/* ---- and back ---- */

/* What the log has of the wipe that is taken back. */
static const struct history_undo *wiped(const struct apply *apply)
{
    const struct history_undo *undo = undo_of(&apply->log);

    return undo != NULL && undo->op == HISTORY_WIPE ? undo : NULL;
}

int step_unwipe_done(struct apply *apply, const struct step *step, struct err *e)
{
    const struct history_undo *undo = wiped(apply);
    int back = undo != NULL;

    for (size_t i = 0; back > 0 && i < undo->n_regions; i++)
        if (undo->regions[i].before != NULL && extent_contains(&step->to, &undo->regions[i].range))
            back = undo_is_back(disk_blockdev(apply->disk), &undo->regions[i], e);
    return back;
}

int step_unwipe_apply(struct apply *apply, const struct step *step, struct err *e)
{
    struct blockdev *bd = disk_blockdev(apply->disk);
    const struct history_undo *undo = wiped(apply);

    if (undo == NULL)
        return err_set(e, ERR_REFUSED, "the disk's log has gone");
    for (size_t i = 0; i < undo->n_regions; i++) {
        const struct history_region *region = &undo->regions[i];

        if (region->before != NULL && extent_contains(&step->to, &region->range) &&
            blockdev_pwrite(bd, region->before, (size_t)region->range.bytes, region->range.start,
                            e) < 0)
            return -1;
    }
    return blockdev_flush(bd, e);
}
