// SPDX-License-Identifier: GPL-3.0-or-later
/* step_layout.c: the steps that write a whole table and make filesystems. */
#include "apply/step_ops.h"
#include "core/cleanup.h"
#include "fs/fs.h"
#include "log/undo.h"
#include "partition/type.h"

#include <string.h>

/* A change of an MBR leaves what lay beside it before. */
static bool may_stay(const struct apply *apply, const struct step *step, enum damage_kind kind)
{
    const struct survey *survey = apply->plan->survey;

    for (size_t i = 0; kind == DAMAGE_STALE_SIGNATURE && !step->mends && i < survey->n_damage; i++)
        if (survey->damage[i].kind == kind)
            return true;
    return false;
}

/* True when the disk's copies need to be written again although they say the right thing. */
static bool needs_mending(const struct apply *apply, const struct step *step,
                          const struct table *table)
{
    for (size_t i = 0; i < table->n_damage; i++)
        if (damage_mends(table->damage[i].kind) && !may_stay(apply, step, table->damage[i].kind))
            return true;
    return table->copies_differ;
}

static size_t count_of_chain(const struct table *table)
{
    size_t n = 0;

    for (size_t i = 0; i < table->n_damage; i++)
        n += damage_is_of_chain(table->damage[i].kind);
    return n;
}

int step_layout_done(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(apply->disk), e);
    const struct table *wanted = apply->plan->layouts[step->layout];

    if (there == NULL)
        return -1;
    if (undo_is_exact(&apply->log, apply->plan, step))
        return table_equal(there, wanted)
                   ? undo_are_back(&apply->log, disk_blockdev(apply->disk), e)
                   : 0;
    /* the chain of an MBR may still lead to what the layout has given up */
    return table_equal(there, wanted) && !needs_mending(apply, step, there) &&
           count_of_chain(there) <= count_of_chain(wanted);
}

int step_layout_apply(struct apply *apply, const struct step *step, struct err *e)
{
    if (table_replace(disk_blockdev(apply->disk), apply->plan->layouts[step->layout], step->mends,
                      e) < 0 ||
        (undo_is_exact(&apply->log, apply->plan, step) &&
         undo_put_back(&apply->log, apply->disk, true, e) < 0))
        return -1;
    return step_teach_kernel(apply, apply->plan->layouts[step->layout], e);
}

/* ---- format ---- */

static struct table_entry *entry_of(struct table *table, const struct step *step)
{
    return table->kind == TABLE_MBR ? table_entry_by_number(table, step->number)
                                    : table_entry_by_uuid(table, &step->partition);
}

int step_format_done(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(apply->disk), e);
    const struct table_entry *entry;

    if (there == NULL)
        return -1;
    entry = entry_of(there, step);
    return entry != NULL && !partition_type_is(&entry->type, "incomplete") &&
           guid_equal(&entry->type, &step->type) && entry->code == step->code;
}

/* The partition gets its type when its filesystem is complete. */
static int commit_type(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *table = table_read(disk_blockdev(apply->disk), e);
    struct table_entry *entry = table != NULL ? entry_of(table, step) : NULL;

    if (table == NULL)
        return -1;
    if (entry == NULL)
        return err_set(e, ERR_FAILED, "%s has gone from the partition table", step->target);
    entry->type = step->type;
    entry->code = step->code;
    entry->attributes = step->attributes;
    return table_write(disk_blockdev(apply->disk), table, e);
}

static int make_fs(struct apply *apply, const struct step *step, struct blockdev *bd, struct err *e)
{
    const struct fs_ops *fs = fs_by_name(step->fs);
    struct fs_options options = {
        .label = step->label, .at = step->to.start, .key_file = apply->key_file};

    if (fs == NULL)
        return err_set(e, ERR_FAILED, "%s: there is no filesystem %s", step->target, step->fs);
    guid_derive(&step->partition, "filesystem", &options.uuid);
    return fs->make(bd, &options, e);
}

int step_format_apply(struct apply *apply, const struct step *step, struct err *e)
{
    struct blockdev *disk = disk_blockdev(apply->disk);
    _cleanup_blockdev_ struct blockdev *bd = NULL;

    if (disk_claim(apply->disk, step->to, step->target, e) < 0)
        return -1;
    bd = slice_open(disk, step->to, e);
    if (bd == NULL || make_fs(apply, step, bd, e) < 0 || blockdev_flush(disk, e) < 0)
        return err_wrap(e, "%s", step->target);
    return commit_type(apply, step, e);
}
