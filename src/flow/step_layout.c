// SPDX-License-Identifier: GPL-3.0-or-later
/* step_layout.c: the steps that write a whole table and make filesystems. */
#include "core/cleanup.h"
#include "flow/step_ops.h"
#include "partition/fs.h"
#include "partition/type.h"

#include <string.h>

/* True when the disk's copies need to be written again although they say the right thing. */
static bool needs_mending(const struct table *table)
{
    for (size_t i = 0; i < table->n_damage; i++)
        if (damage_mends(table->damage[i].kind))
            return true;
    return table->copies_differ;
}

int step_layout_done(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(apply->disk), e);

    if (there == NULL)
        return -1;
    return table_equal(there, apply->plan->layouts[step->layout]) && !needs_mending(there);
}

int step_layout_apply(struct apply *apply, const struct step *step, struct err *e)
{
    return step_write_table(apply, apply->plan->layouts[step->layout], e);
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
