// SPDX-License-Identifier: GPL-3.0-or-later
/* take_back.c: takes the last change back, when nothing that it wrote was changed since. */
#include "flow/take_back.h"
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/shell.h"
#include "fs/probe.h"
#include "log/undo_parts.h"

#include <string.h>

/* ---- nothing was changed since ---- */

static const struct table_entry *entry_with(const struct table *table, const struct extent *range)
{
    for (size_t i = 0; i < table->n; i++)
        if (extent_contains(&table->entries[i].range, range))
            return &table->entries[i];
    return NULL;
}

/* 1: it holds what berth wrote. */
static int is_as_left(struct blockdev *bd, const struct history_region *region, struct err *e)
{
    char text[DIGEST_TEXT];

    if (undo_hash(bd, region->range, text, e) < 0)
        return -1;
    return region->after != NULL && strcmp(text, region->after) == 0;
}

/* 1: or it is back already, since an undo was cut short. One of a move or resize is finished before
 * the table's own bytes come back. */
static int is_untouched(struct blockdev *bd, const struct history_undo *undo,
                        const struct history_region *region, struct err *e)
{
    int left = is_as_left(bd, region, e);

    return left != 0 || undo->op == HISTORY_MOVE || undo->op == HISTORY_RESIZE
               ? left
               : undo_is_back(bd, region, e);
}

static const char *what_was_touched(const struct table *there, const struct history_undo *undo,
                                    const struct extent *region)
{
    if (undo->op == HISTORY_WIPE && extent_contains(&undo->to, region))
        return "something was put there since";
    return entry_with(there, region) != NULL
               ? "the filesystem in it was written to since"
               : "the partition table was changed by something else since";
}

static int check_untouched(struct blockdev *bd, const struct table *there,
                           const struct history_undo *undo, struct err *e)
{
    for (size_t i = 0; i < undo->n_regions; i++) {
        const struct extent *range = &undo->regions[i].range;
        int untouched;

        if (!undo_lies_on(bd, range))
            return err_set(e, ERR_REFUSED, "the disk has become smaller since");
        untouched = is_untouched(bd, undo, &undo->regions[i], e);
        if (untouched < 0)
            return -1;
        if (untouched == 0 && undo->regions[i].cut)
            return undo_refuse_cut(bd, there, undo, range, e);
        if (untouched == 0)
            return err_set(e, ERR_REFUSED, "%s", what_was_touched(there, undo, range));
    }
    return 0;
}

static int check_unwritten(struct blockdev *bd, const struct history_undo *undo, struct err *e)
{
    struct step step = {.fs = undo->fs, .to = undo->to};
    uint64_t seconds;

    if (undo_written(bd, &step, &seconds, e) < 0)
        return -1;
    if (seconds == undo->fs_written)
        return 0;
    return err_set(e, ERR_REFUSED, "the filesystem in it was written to since");
}

/* ---- taking it back ---- */

/* The entry that was changed, in a copy of the table. */
static struct table_entry *changed_entry(const struct table *there, const struct history_undo *undo,
                                         struct wanted *wanted, struct err *e)
{
    struct table_entry *entry;

    wanted->table = table_copy(there, e);
    if (wanted->table == NULL)
        return NULL;
    entry = table_entry_by_uuid(wanted->table, &undo->partition);
    if (entry == NULL)
        err_set(e, ERR_REFUSED, "its partition is gone");
    return entry;
}

static int reverse(const struct table *there, const struct history_undo *undo,
                   struct wanted *wanted, struct err *e)
{
    struct table_entry *entry = changed_entry(there, undo, wanted, e);

    if (entry == NULL)
        return -1;
    if (entry->range.start != undo->from.start)
        entry->ebr = 0;
    entry->range = undo->from;
    return 0;
}

/* 1: some of them are there again: an undo was cut short. Sectors without a signature do not tell.
 */
static int is_unwiped(struct blockdev *bd, const struct history_undo *undo, struct err *e)
{
    for (size_t i = 0; i < undo->n_regions; i++) {
        int untouched = is_as_left(bd, &undo->regions[i], e);

        if (untouched <= 0)
            return untouched < 0 ? -1 : 1;
    }
    return 0;
}

/* What a wipe that was cut short has left of a signature: the regions were found to be as they were
 * left. */
static bool is_remainder(const struct history_undo *undo, const struct probe_signature *found)
{
    struct extent place = {undo->to.start + found->offset, found->bytes};

    for (size_t i = 0; i < undo->n_regions; i++)
        if (undo->regions[i].planned != NULL && extent_overlaps(&undo->regions[i].range, &place))
            return true;
    return false;
}

/* Signatures come back to where there are none: else something else was put there since. */
static int unwipe(struct blockdev *bd, const struct table *there, const struct history_undo *undo,
                  struct wanted *wanted, struct err *e)
{
    const struct table_entry *entry = changed_entry(there, undo, wanted, e);
    _cleanup_free_ struct probe_signature *list = NULL;
    size_t n = 0;
    int back;

    if (entry == NULL)
        return -1;
    if (entry->range.start != undo->to.start || entry->range.bytes != undo->to.bytes)
        return err_set(e, ERR_REFUSED, "its partition is another one now");
    back = is_unwiped(bd, undo, e);
    if (back < 0 || (back == 0 && probe_signatures(bd, undo->to, &list, &n, e) < 0))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!is_remainder(undo, &list[i]))
            return err_set(e, ERR_REFUSED, "there is a %s in it since", list[i].name);
    wanted->unwipe = entry->number;
    return 0;
}

/* What was erased beside a table comes back with no table that is written. */
static bool was_erased(const struct table *table, const struct table *there)
{
    return table_has_damage(table, DAMAGE_STALE_SIGNATURE) &&
           !table_has_damage(there, DAMAGE_STALE_SIGNATURE);
}

static int all_back(struct blockdev *bd, const struct history_undo *undo, struct err *e)
{
    int back = 1;

    for (size_t i = 0; back > 0 && i < undo->n_regions; i++)
        if (undo->regions[i].before != NULL)
            back = undo_is_back(bd, &undo->regions[i], e);
    return back;
}

/* A table that was damaged cannot be written, and one that was only mended is there already: they
 * come back as the bytes that they were. */
static int take_as_bytes(struct wanted *wanted, struct blockdev *bd, const struct table *there,
                         const struct history_undo *undo, struct err *e)
{
    struct table *table = wanted->table;
    int back = table->n_damage == 0 ? all_back(bd, undo, e) : 0;

    if (back != 0 || table->kind == TABLE_NONE ||
        (table_problem(table) == NULL && !table_equal(table, there) && !was_erased(table, there)))
        return back < 0 ? -1 : 0;
    wanted->returns = table_copy(table, e);
    if (wanted->returns == NULL)
        return -1;
    table->kind = TABLE_NONE;
    table->n = 0;
    table->extended = (struct table_extended){0};
    return 0;
}

/* Where no table comes back the bytes do, and a log that others wrote may mean any. */
static int put_back(struct blockdev *bd, const struct table *there, const struct history_undo *undo,
                    struct wanted *wanted, struct err *e)
{
    wanted->table = undo_table(bd, undo->regions, undo->n_regions, e);
    if (wanted->table == NULL || take_as_bytes(wanted, bd, there, undo, e) < 0)
        return -1;
    for (size_t i = 0; wanted->table->kind == TABLE_NONE && i < undo->n_regions; i++)
        for (size_t k = 0; k < there->n; k++)
            if (undo->regions[i].before != NULL &&
                extent_overlaps(&undo->regions[i].range, &there->entries[k].range) &&
                undo_is_back(bd, &undo->regions[i], e) <= 0)
                return err_set(e, ERR_REFUSED, "partition %u lies where bytes would be put back",
                               there->entries[k].number);
    return 0;
}

/* 1: its first bytes are as they were, and what it gained was never written to. */
static int is_unused(struct blockdev *bd, const struct table_entry *entry, uint64_t bytes,
                     const struct history_undo *undo, struct err *e)
{
    struct extent gained = {entry->range.start + bytes, entry->range.bytes - bytes};
    bool sampled = false, kept = false;
    int data;

    for (size_t i = 0; i < undo->n_regions; i++)
        kept |=
            undo->regions[i].before == NULL && undo->regions[i].range.start == entry->range.start;
    if (!kept)
        return 0;
    data = probe_has_data(bd, gained, &sampled, e);
    return data < 0 ? -1 : data == 0 && !sampled;
}

/* True when the change that is taken back worked on what is in the partition: it remembered how
 * that begins. */
static bool was_worked_on(const struct history_undo *undo, const struct table_entry *entry)
{
    for (size_t i = 0; i < undo->n_regions; i++)
        if (undo->regions[i].before == NULL && !undo->regions[i].cut &&
            extent_contains(&entry->range, &undo->regions[i].range))
            return true;
    return false;
}

/* A container that grew alone becomes smaller without its key when nobody has used it since; its
 * regions were found to be as they were left. */
static int look_at_sizes(struct blockdev *bd, const struct table *there,
                         const struct history_undo *undo, struct wanted *wanted, struct err *e)
{
    for (size_t i = 0; i < there->n; i++) {
        const struct table_entry *entry = &there->entries[i];
        const struct table_entry *was = table_same_entry(wanted->table, there, entry);
        int unused = 0;

        if (was != NULL && was->range.start == entry->range.start &&
            was->range.bytes < entry->range.bytes)
            unused = is_unused(bd, entry, was->range.bytes, undo, e);
        if (unused < 0)
            return -1;
        if (unused > 0)
            wanted->locked_back = entry->number;
        if (was != NULL && was->range.start == entry->range.start &&
            was->range.bytes != entry->range.bytes && !was_worked_on(undo, entry) &&
            wanted_add_alone(
                wanted, (struct wanted_alone){entry->number, undo_was_cut(undo, &entry->range)},
                e) < 0)
            return -1;
    }
    return 0;
}

/* What was shrunk in a container is not back when only that is large again. */
static void look_at_locked(const struct table *there, const struct history_undo *undo,
                           struct wanted *wanted)
{
    const struct table_entry *entry = table_entry_by_uuid((struct table *)there, &undo->partition);
    const struct fs_ops *fs = undo->fs != NULL ? fs_by_name(undo->fs) : NULL;

    if (undo->op == HISTORY_RESIZE && entry != NULL && fs != NULL && fs->locked != NULL)
        wanted->locked_too = entry->number;
}

static int back(struct blockdev *bd, const struct table *there, const struct history_undo *undo,
                struct wanted *wanted, struct err *e)
{
    if (check_untouched(bd, there, undo, e) < 0)
        return -1;
    if (undo->op == HISTORY_WIPE)
        return unwipe(bd, there, undo, wanted, e);
    if (undo->op == HISTORY_TABLE)
        return put_back(bd, there, undo, wanted, e) < 0 ? -1
                                                        : look_at_sizes(bd, there, undo, wanted, e);
    if (check_unwritten(bd, undo, e) < 0 || reverse(there, undo, wanted, e) < 0)
        return -1;
    look_at_locked(there, undo, wanted);
    return 0;
}

/* What the file has, or the disk's own log: NULL. */
static int read_history(const char *file, struct blockdev *bd, const struct table *there,
                        struct history **history, struct err *e)
{
    return file != NULL ? disk_log_read_file(file, bd, there, history, e)
                        : disk_log_read(bd, there, history, e);
}

/* file: the one that has the history, or NULL. */
static int check_finished(const struct history *history, const char *file,
                          const struct blockdev *bd, struct err *e)
{
    if (history->pending == NULL)
        return 0;
    err_set(e, ERR_REFUSED, "work on partition %u is not finished", history->pending->number);
    return err_hint(e, "finish it first: %s",
                    pending_command(history->pending, bd->name, file).text);
}

int undo_check(const struct history *history, const char *file, struct blockdev *bd,
               const struct table *there, struct err *e)
{
    struct wanted wanted = {0};
    int result = check_finished(history, file, bd, e);

    if (result == 0)
        result = back(bd, there, history->undo, &wanted, e);
    wanted_clear(&wanted);
    return result;
}

int edit_undo(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e)
{
    _cleanup_history_ struct history *history = NULL;
    const char *file = arg != NULL && access(arg, F_OK) == 0 ? arg : NULL;

    if (read_history(file, bd, there, &history, e) < 0)
        return -1;
    if (check_finished(history, file, bd, e) < 0)
        return -1;
    if (history->undo == NULL) {
        err_set(e, ERR_NOT_FOUND, "there is no change that could be undone");
        return err_hint(e, "`berth disk log %s` says what was done", shell_quote(bd->name).text);
    }
    if (back(bd, there, history->undo, wanted, e) < 0)
        return err_wrap(e, "\"%s\" is not undone", history->undo->text);
    return 0;
}
