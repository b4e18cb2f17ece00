// SPDX-License-Identifier: GPL-3.0-or-later
/* step_work.c: what resizing and moving share. */
#include "apply/step_work.h"
#include "core/cleanup.h"
#include "log/new_place.h"
#include "log/undo.h"
#include "partition/type.h"

#include <string.h>

const struct pending *step_pending(const struct apply *apply, const struct step *step)
{
    const struct pending *pending = apply->log.history != NULL ? apply->log.history->pending : NULL;

    return pending != NULL && guid_equal(&pending->partition, &step->partition) ? pending : NULL;
}

int step_entry(struct apply *apply, const struct step *step, struct table_entry *entry,
               struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);
    const struct table_entry *there;

    if (table == NULL)
        return -1;
    there = table_entry_by_uuid(table, &step->partition);
    if (there == NULL)
        return err_set(e, ERR_FAILED, "%s has gone from the partition table", step->target);
    *entry = *there;
    return 0;
}

static bool same_entry(const struct table_entry *a, const struct table_entry *b)
{
    return a->range.start == b->range.start && a->range.bytes == b->range.bytes &&
           guid_equal(&a->type, &b->type) && a->code == b->code && a->attributes == b->attributes;
}

int step_set_entry(struct apply *apply, const struct step *step, const struct table_entry *entry,
                   struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);
    struct table_entry *there;

    if (table == NULL)
        return -1;
    there = table_entry_by_uuid(table, &step->partition);
    if (there == NULL)
        return err_set(e, ERR_FAILED, "%s has gone from the partition table", step->target);
    if (!same_entry(there, entry) || table->copies_differ) {
        if (there->range.start != entry->range.start)
            there->ebr = 0;
        there->range = entry->range;
        there->type = entry->type;
        there->code = entry->code;
        there->attributes = entry->attributes;
        if (step_write_table(apply, table, e) < 0)
            return -1;
    }
    return step->mountpoint != NULL ? 0 : disk_claim(apply->disk, entry->range, step->target, e);
}

void step_mark(const struct pending *pending, struct table_entry *entry)
{
    const struct partition_type *moving = partition_type("moving");

    entry->type = moving->guid;
    if (pending->mbr_type == 0)
        entry->attributes = moving->attributes; /* an MBR's entry keeps its active flag */
    entry->code = pending->mbr_type != 0 ? moving->code : 0;
}

void step_unmark(const struct pending *pending, struct table_entry *entry)
{
    entry->type = pending->type;
    entry->code = (uint8_t)pending->mbr_type;
    entry->attributes = pending->attributes;
}

int step_note_mark(struct apply *apply, struct err *e)
{
    struct pending *pending = apply->log.history->pending;
    uint64_t done;

    if (apply->log.file == NULL || pending->stage != PENDING_MARK)
        return 0;
    if (area_counter(&apply->log.area, &done, e) < 0)
        return -1;
    if (done > 0) /* of an older berth: a new document would begin to count anew */
        return 0;
    pending->stage = PENDING_CONTENT;
    return disk_log_save(&apply->log, e);
}

/* By which the file knows the disk. */
static int name_work(struct apply *apply, struct pending *pending, struct err *e)
{
    pending->known_by = disk_log_known_by(apply->plan->survey, e);
    return pending->known_by == NULL ? -1 : guid_new(&pending->work, e);
}

int step_end(struct apply *apply, const struct step *step, struct err *e)
{
    if (step_pending(apply, step)->takes_back &&
        undo_put_sectors_back(&apply->log, apply->disk, e) < 0)
        return -1;
    return disk_log_pending(&apply->log, NULL, e);
}

int step_begin(struct apply *apply, const struct step *step, enum history_op op,
               const struct table_entry *entry, uint64_t chunk, struct err *e)
{
    struct pending *pending = calloc(1, sizeof(*pending));

    if (pending == NULL)
        return err_no_memory(e);
    pending->op = op;
    pending->stage = PENDING_MARK;
    pending->fs = step->fs != NULL ? strdup(step->fs) : NULL;
    pending->name = history_line(entry->name);
    if (pending->name == NULL || (step->fs != NULL && pending->fs == NULL)) {
        pending_free(pending);
        return err_no_memory(e);
    }
    pending->partition = step->partition;
    pending->number = entry->number;
    pending->from = step->from;
    pending->to = step->to;
    pending->both = extent_union(&step->from, &step->to);
    pending->type = entry->type;
    pending->mbr_type = entry->code;
    pending->attributes = entry->attributes;
    pending->takes_back = apply->plan->takes_back;
    pending->chunk = chunk;
    if ((op == HISTORY_MOVE && new_place_note(disk_blockdev(apply->disk), pending, e) < 0) ||
        (apply->log.file != NULL && name_work(apply, pending, e) < 0)) {
        pending_free(pending);
        return -1;
    }
    return disk_log_pending(&apply->log, pending, e);
}
