// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * undo_cut.c: a filesystem that was longer than its partition, since another tool had cut that, and
 * whose partition got its size: the entry alone was changed, so undo changes the entry alone. It
 * does so only while the filesystem begins as it did: one that was used since would lose its end.
 */
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "log/undo_parts.h"

/* The kind of what the change has put right in the partition, or NULL. */
static const struct fs_ops *put_right(const struct plan *plan, const struct table_entry *was,
                                      const struct table_entry *now)
{
    const struct survey_partition *found =
        plan->survey != NULL ? survey_by_uuid(plan->survey, &was->uuid) : NULL;
    const struct fs_ops *fs = found != NULL && found->fs != NULL ? fs_by_blkid(found->fs) : NULL;

    return fs != NULL && fs->locked == NULL && was->range.start == now->range.start &&
                   found->fs_bytes > was->range.bytes && found->fs_bytes <= now->range.bytes
               ? fs
               : NULL;
}

int undo_add_cuts(struct blockdev *bd, const struct table *before, const struct table *now,
                  const struct plan *plan, struct history_undo *undo, struct err *e)
{
    for (size_t i = 0; i < now->n; i++) {
        const struct table_entry *entry = &now->entries[i],
                                 *was = table_same_entry(before, now, entry);
        const struct fs_ops *fs = was != NULL ? put_right(plan, was, entry) : NULL;
        struct extent head;

        if (fs == NULL)
            continue;
        if (undo_find_head(bd, fs, entry->range, &head, e) < 0 ||
            undo_add_region(bd, head, NULL, undo, e) < 0)
            return -1;
        undo->regions[undo->n_regions - 1].cut = true;
    }
    return 0;
}

bool undo_was_cut(const struct history_undo *undo, const struct extent *range)
{
    for (size_t i = 0; i < undo->n_regions; i++)
        if (undo->regions[i].cut && extent_contains(range, &undo->regions[i].range))
            return true;
    return false;
}

/* The entry of the table that has the head in it, or NULL. */
static const struct table_entry *entry_of(const struct table *table, const struct extent *head)
{
    for (size_t i = 0; i < table->n; i++)
        if (extent_contains(&table->entries[i].range, head))
            return &table->entries[i];
    return NULL;
}

int undo_refuse_cut(struct blockdev *bd, const struct table *there, const struct history_undo *undo,
                    const struct extent *head, struct err *e)
{
    _cleanup_table_ struct table *before = undo_table(bd, undo->regions, undo->n_regions, e);
    const struct table_entry *entry = entry_of(there, head);
    const struct table_entry *was = before != NULL ? entry_of(before, head) : NULL;
    char size[SIZE_TEXT];

    if (before == NULL)
        return -1;
    err_set(e, ERR_REFUSED,
            "the filesystem in it was written to since, and would be cut short again");
    if (entry == NULL || was == NULL)
        return -1;
    return err_hint(e,
                    "where its kind can be made smaller, this does it with the partition: berth "
                    "part resize %s %u --size %s",
                    shell_quote(bd->name).text, entry->number,
                    size_exact(was->range.bytes, size, sizeof(size)));
}
