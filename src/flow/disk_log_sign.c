// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk_log_sign.c: whether a disk is the one on which the work of a journal file was interrupted. A
 * copy of it from before has the same partitions, and what the file counts as done is not done
 * there.
 *
 * Work whose journal is in a file leaves a sign on the disk: the log points to the file before that
 * says that anything is pending, and until it no longer does; and while content changes the
 * partition has the type "moving". Each time that the work goes on both get another name for it: a
 * copy of the disk as it was interrupted has the sign only until then. Writes nothing.
 */
#include "core/cleanup.h"
#include "core/shell.h"
#include "flow/disk_log_parts.h"
#include "partition/type.h"

static bool is_same_range(const struct extent *a, const struct extent *b)
{
    return a->start == b->start && a->bytes == b->bytes;
}

/* What names the work is in both; while it gets another name, the file has both of them. */
static bool has_name_of(const struct pending *marker, const struct pending *pending)
{
    return guid_equal(&marker->work, &pending->work) ||
           (!guid_is_zero(&pending->work_next) && guid_equal(&marker->work, &pending->work_next));
}

/* The file may have been moved since. */
static bool is_marker_of(const struct pending *marker, const struct pending *pending)
{
    return marker->journal != NULL && marker->op == pending->op && has_name_of(marker, pending) &&
           is_same_range(&marker->from, &pending->from) && is_same_range(&marker->to, &pending->to);
}

static bool is_of_type(const struct table_entry *entry, const struct guid *type, unsigned code)
{
    return guid_equal(&entry->type, type) && entry->code == code;
}

static bool is_moving(const struct table *there, const struct table_entry *entry)
{
    const struct partition_type *moving = partition_type("moving");

    return there->kind == TABLE_MBR ? entry->code == moving->code
                                    : guid_equal(&entry->type, &moving->guid);
}

/* Only the file was not told that the work is over: nothing is copied any more. */
static bool is_over(const struct table_entry *entry, const struct pending *pending)
{
    return is_same_range(&entry->range, &pending->to) && pending->index.bytes == 0 &&
           is_of_type(entry, &pending->type, pending->mbr_type);
}

/* 1: the file says so before the disk has any sign, where that has no log. Then the work begins
 * with what is there. */
static int is_untouched(const struct table_entry *entry, const struct pending *pending,
                        struct area *file, struct err *e)
{
    uint64_t done;

    if (area_counter(file, &done, e) < 0)
        return -1;
    return pending->stage == PENDING_MARK && done == 0 &&
           is_same_range(&entry->range, &pending->from) &&
           is_of_type(entry, &pending->type, pending->mbr_type);
}

/* 1: the disk is the one, 0: it is not. */
static int has_sign(struct blockdev *disk, const struct table *there, const struct pending *pending,
                    struct area *file, struct err *e)
{
    const struct table_entry *entry = log_worked_on(there, pending);
    _cleanup_history_ struct history *history = NULL;
    _cleanup_free_ struct extent *places = NULL;
    _cleanup_area_ struct area area = {0};
    struct err damaged;
    size_t n;

    if (log_places_on(disk, there, &places, &n, e) < 0 || area_find(disk, places, n, &area, e) < 0)
        return -1;
    /* as it stands there: whether the file that it points to is done is not the question */
    if (area.document != NULL)
        history = history_parse(area.document, area.bytes, &damaged);
    if (history != NULL && history->pending != NULL)
        return is_marker_of(history->pending, pending);
    if (is_moving(there, entry) || is_over(entry, pending))
        return 1;
    return history != NULL ? 0 : is_untouched(entry, pending, file, e);
}

int log_check_sign(const char *path, struct blockdev *disk, const struct table *there,
                   const struct pending *pending, struct area *file, struct err *e)
{
    int found = has_sign(disk, there, pending, file, e);
    struct shell_word word = shell_quote(path);

    if (found != 0)
        return found < 0 ? -1 : 0;
    err_set(e, ERR_REFUSED,
            "--journal %s: its work, %s %s, was interrupted, and %s has no sign of that: it is a "
            "copy of that disk, or was put back since",
            path, pending->op == HISTORY_MOVE ? "moving" : "resizing",
            table_title(pending->number, pending->name).text, disk->name);
    return err_hint(e,
                    "finish it on the disk where it was interrupted: berth disk finish DISK "
                    "--journal %s; where that is as it was before, begin anew with another file, "
                    "and delete this one",
                    word.text);
}
