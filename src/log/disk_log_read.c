// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_log_read.c: what a disk remembers of berth's work on it, settled by what is on the disk now.
 * Writes nothing. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "log/disk_log_parts.h"
#include "log/disk_log_place.h"
#include "log/left.h"
#include "log/undo.h"
#include "tree/tree.h"

#include <string.h>
#include <sys/stat.h>

/* True when work on the entry, or its beginning or end, has it there, and the work is within no
 * other partition. */
static bool is_at_work(const struct table *table, const struct table_entry *entry,
                       const struct pending *pending)
{
    uint64_t start = entry->range.start;

    for (size_t i = 0; i < table->n; i++)
        if (&table->entries[i] != entry &&
            (extent_overlaps(&table->entries[i].range, &pending->from) ||
             extent_overlaps(&table->entries[i].range, &pending->to)))
            return false;
    return start == pending->from.start || start == pending->both.start ||
           start == pending->to.start;
}

/* The partition that is worked on. Its GUID on an MBR is made of its number, which changes when a
 * logical partition before it goes: there the place says more. */
const struct table_entry *log_worked_on(const struct table *table, const struct pending *pending)
{
    for (size_t i = 0; i < table->n; i++)
        if (guid_equal(&table->entries[i].uuid, &pending->partition) &&
            is_at_work(table, &table->entries[i], pending))
            return &table->entries[i];
    for (size_t i = 0; table->kind == TABLE_MBR && i < table->n; i++)
        if (is_at_work(table, &table->entries[i], pending))
            return &table->entries[i];
    return NULL;
}

int log_give_up(struct history *history, struct err *e)
{
    struct pending *pending = history->pending;
    _cleanup_free_ char *text = NULL;
    int64_t now = tree_now();

    text = io_format(e, "given up: %s %s: the table is another one",
                     pending->op == HISTORY_MOVE ? "moving" : "resizing",
                     table_title(pending->number, pending->name).text);
    if (text == NULL)
        return -1;
    if (!guid_is_zero(&pending->work))
        history->given_up = pending->work;
    history->pending = NULL;
    pending_free(pending);
    return history_add(history, now > 0 ? (uint64_t)now : 0, text, false, e);
}

/* Work on a partition that somebody deleted, or gave its room to others, is over. */
static int settle_pending(struct history *history, const struct table *table, struct err *e)
{
    struct pending *pending = history->pending;
    const struct table_entry *entry = pending != NULL ? log_worked_on(table, pending) : NULL;

    if (pending == NULL)
        return 0;
    if (entry == NULL)
        return log_give_up(history, e);
    pending->partition = entry->uuid;
    pending->number = entry->number;
    return 0;
}

/* A damaged area is an empty one: what it said is of use to nobody. */
static int settled_history(const struct area *area, struct blockdev *bd, const struct table *there,
                           struct history **history, struct err *e)
{
    struct err ignored;

    *history = area->document != NULL ? history_parse(area->document, area->bytes, &ignored) : NULL;
    if (*history == NULL)
        *history = history_new(e);
    if (*history == NULL)
        return -1;
    return settle_pending(*history, there, e) < 0 || undo_settle(*history, bd, e) < 0
               ? -1
               : left_settle(*history, there, e);
}

/* What the disk's log says of work whose journal is in a file: that file itself says whether it is
 * over, as it is between the last write to the one and to the other. One that cannot be read says
 * nothing. */
static void settle_elsewhere(struct history *history, struct blockdev *bd,
                             const struct table *there)
{
    const char *path = history->pending != NULL ? history->pending->journal : NULL;
    _cleanup_history_ struct history *file = NULL;
    struct err ignored;
    struct stat st;

    if (path == NULL || stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
        disk_log_read_file(path, bd, there, &file, &ignored) < 0 || file->pending != NULL)
        return;
    pending_free(history->pending);
    history->pending = NULL;
}

int log_history(const struct area *area, struct blockdev *bd, const struct table *there,
                struct history **history, struct err *e)
{
    if (settled_history(area, bd, there, history, e) < 0)
        return -1;
    settle_elsewhere(*history, bd, there);
    return 0;
}

/* A disk without a table may have had a new one a moment ago, whose undo was
 * interrupted: its log is where that one left room. */
int log_places_on(struct blockdev *bd, const struct table *table, struct extent **places, size_t *n,
                  struct err *e)
{
    static const struct guid any = {{1}};
    _cleanup_table_ struct table *empty = NULL;
    struct err too_small;

    if (table->kind != TABLE_NONE)
        return log_places(table, places, n, e);
    *places = NULL;
    *n = 0;
    empty = table_new(bd, TABLE_GPT, &any, &too_small);
    return empty == NULL ? 0 : log_places(empty, places, n, e);
}

int disk_log_read_at(struct blockdev *bd, const struct table *table, struct history **history,
                     struct extent *range, struct err *e)
{
    _cleanup_area_ struct area area = {0};
    _cleanup_free_ struct extent *places = NULL;
    size_t n;

    if (log_places_on(bd, table, &places, &n, e) < 0 || area_find(bd, places, n, &area, e) < 0)
        return -1;
    *range = area.range;
    return log_history(&area, bd, table, history, e);
}

int disk_log_read(struct blockdev *bd, const struct table *table, struct history **history,
                  struct err *e)
{
    struct extent ignored;

    return disk_log_read_at(bd, table, history, &ignored, e);
}

int disk_log_read_file(const char *path, struct blockdev *disk, const struct table *table,
                       struct history **history, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = file_open(path, false, 512, e);
    _cleanup_area_ struct area area = {0};
    struct extent all = {0, bd != NULL ? bd->bytes : 0};

    if (bd == NULL || area_find(bd, &all, 1, &area, e) < 0)
        return -1;
    return settled_history(&area, disk, table, history, e);
}
