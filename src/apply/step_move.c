// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * step_move.c: copies a partition to another place. While it goes on the partition's entry has the
 * type "moving", so that nobody takes it for a filesystem, and spans both places, so that nothing
 * else is put there; where others lie between the two it stays at the old one, which is whole until
 * the end. What it was, and how far the copy is, stands in the disk's area.
 */
#include "apply/step_work.h"
#include "core/cleanup.h"
#include "fs/fs.h"
#include "fs/probe.h"
#include "log/new_place.h"
#include "partition/move.h"

#include <string.h>

int step_move_done(struct apply *apply, const struct step *step, struct err *e)
{
    struct table_entry entry;

    if (step_entry(apply, step, &entry, e) < 0)
        return -1;
    return step_pending(apply, step) == NULL && entry.range.start == step->to.start;
}

static int begin(struct apply *apply, const struct step *step, struct err *e)
{
    struct move move = {step->from.start, step->to.start, step->from.bytes, 0};
    struct table_entry entry;

    if (step_pending(apply, step) != NULL)
        return disk_log_resume(&apply->log, e);
    if (step_entry(apply, step, &entry, e) < 0)
        return -1;
    move.chunk = move_chunk(&move, apply->log.area.journal.bytes);
    if (move.chunk == 0)
        return err_set(e, ERR_NO_SPACE, "%s: no room for the journal of so short a move",
                       step->target);
    return step_begin(apply, step, HISTORY_MOVE, &entry, move.chunk, e);
}

/* True when the table could be written with the entry over that range. */
static bool fits(struct apply *apply, const struct step *step, struct extent range)
{
    struct err ignored;
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), &ignored);
    struct table_entry *entry = table != NULL ? table_entry_by_uuid(table, &step->partition) : NULL;

    if (entry == NULL)
        return false;
    entry->ebr = 0;
    entry->range = range;
    return table_validate(table, disk_blockdev(apply->disk), &ignored) == 0;
}

/* What is copied beside an entry that stays at the old place must not overwrite another partition's
 * boot record. The plan has seen to that; the table may have been changed since. */
static int check_records(struct apply *apply, const struct step *step,
                         const struct pending *pending, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);

    if (table == NULL)
        return -1;
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *other = &table->entries[i];
        struct extent record = {other->ebr, disk_blockdev(apply->disk)->sector};

        if (other->ebr != 0 && !guid_equal(&other->uuid, &pending->partition) &&
            extent_overlaps(&record, &pending->to))
            return err_set(e, ERR_REFUSED, "%s: the boot record of partition %u is in its way",
                           step->target, other->number);
    }
    return 0;
}

/* The copy is complete, and only the journal was not told: the entry is final, and what is there
 * may be newer than the source. */
static int is_settled(struct apply *apply, const struct step *step, const struct pending *pending,
                      struct err *e)
{
    struct table_entry entry;

    if (step_entry(apply, step, &entry, e) < 0)
        return -1;
    return new_place_reached(&entry, pending);
}

/* The entry over both places, where that is possible, of the type "moving". */
static int span(struct apply *apply, const struct step *step, const struct pending *pending,
                struct err *e)
{
    struct table_entry entry;

    if (step_entry(apply, step, &entry, e) < 0)
        return -1;
    entry.range = pending->both;
    if (!fits(apply, step, pending->both)) {
        entry.range = pending->from;
        if (check_records(apply, step, pending, e) < 0 ||
            disk_claim(apply->disk, pending->to, step->target, e) < 0)
            return -1;
    }
    step_mark(pending, &entry);
    return step_set_entry(apply, step, &entry, e) < 0 ? -1 : step_note_mark(apply, e);
}

static int copy(struct apply *apply, const struct step *step, const struct pending *pending,
                struct err *e)
{
    struct move move = {pending->from.start, pending->to.start, pending->from.bytes,
                        pending->chunk};
    struct blockdev *disk = disk_blockdev(apply->disk);
    const struct fs_ops *fs = pending->fs != NULL ? fs_by_name(pending->fs) : NULL;
    _cleanup_blockdev_ struct blockdev *bd = NULL;
    (void)step;

    if (move_run(disk, &apply->log.area, &move, apply->ui, e) < 0)
        return -1;
    if (fs == NULL || fs->moved == NULL)
        return 0;
    bd = slice_open(disk, pending->to, e);
    if (bd == NULL || fs->moved(bd, pending->to.start, e) < 0)
        return -1;
    return blockdev_flush(disk, e);
}

static int settle(struct apply *apply, const struct step *step, const struct pending *pending,
                  struct err *e)
{
    struct table_entry entry;

    if (step_entry(apply, step, &entry, e) < 0)
        return -1;
    entry.range = pending->to;
    step_unmark(pending, &entry);
    return step_set_entry(apply, step, &entry, e);
}

/* What the partition has left of its old place. */
static struct extent vacated(const struct pending *pending)
{
    const struct extent *from = &pending->from, *to = &pending->to;

    if (!extent_overlaps(from, to))
        return *from;
    if (to->start > from->start)
        return (struct extent){from->start, to->start - from->start};
    return (struct extent){extent_end(to), extent_end(from) - extent_end(to)};
}

/* True when the range is nobody's: the table may have been changed while the work was pending. */
static bool is_free(const struct table *table, const struct extent *range)
{
    for (size_t i = 0; i < table->n; i++)
        if (extent_overlaps(&table->entries[i].range, range))
            return false;
    return true;
}

/* True when the table itself has bytes there: a boot record may be where the partition began. */
static bool is_table(const struct extent *sectors, size_t n, struct extent magic)
{
    for (size_t i = 0; i < n; i++)
        if (extent_overlaps(&sectors[i], &magic))
            return true;
    return false;
}

/* The old place would show the filesystem that has gone, to whoever looks there, and to the next
 * partition that is made there. */
static int forget_old_place(struct apply *apply, const struct pending *pending, struct err *e)
{
    struct blockdev *disk = disk_blockdev(apply->disk);
    _cleanup_table_ struct table *table = table_read(disk, e);
    _cleanup_free_ struct probe_signature *list = NULL;
    _cleanup_free_ struct extent *sectors = NULL;
    struct extent old = vacated(pending);
    size_t n = 0, n_sectors = 0, kept = 0;

    if (table == NULL || table_sectors(table, disk, &sectors, &n_sectors, e) < 0)
        return -1;
    if (!is_free(table, &old))
        return 0;
    if (probe_signatures(disk, old, &list, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!is_table(sectors, n_sectors,
                      (struct extent){old.start + list[i].offset, list[i].bytes}))
            list[kept++] = list[i];
    if (kept == 0)
        return 0;
    /* free space now, which is not part of any claim */
    return disk_allow(apply->disk, old, e) < 0 ? -1 : probe_wipe(disk, old, list, kept, e);
}

int step_move_apply(struct apply *apply, const struct step *step, struct err *e)
{
    const struct pending *pending;
    int settled;

    if (begin(apply, step, e) < 0)
        return err_hint(e, "--journal FILE names a file on another disk for it");
    pending = step_pending(apply, step);
    settled = is_settled(apply, step, pending, e);
    if (settled < 0)
        return -1;
    if (settled == 0 && (span(apply, step, pending, e) < 0 || copy(apply, step, pending, e) < 0))
        return -1;
    if (settle(apply, step, pending, e) < 0) /* one copy of the table may still be the old one */
        return -1;
    if (forget_old_place(apply, pending, e) < 0)
        return -1;
    return step_end(apply, step, e);
}
