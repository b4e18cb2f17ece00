// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk_log_sign.c: whether a disk is the one on which the work of a journal file was interrupted. A
 * copy of it from before has the same partitions, and what the file counts as done is not done
 * there.
 *
 * Work whose journal is in a file leaves a sign on the disk: the log points to the file before that
 * says that anything is pending, and until it no longer does; and while content changes the
 * partition has the type "moving". Each time that the work goes on both get another name for it: a
 * copy of the disk as it was interrupted has the sign only until then; where the disk has no log,
 * for good. So what looks like a copy is at least said to be one. Writes nothing.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "log/disk_log_parts.h"
#include "log/new_place.h"
#include "partition/type.h"

#include <string.h>
#include <sys/stat.h>

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

static bool is_moving(const struct table *there, const struct table_entry *entry)
{
    const struct partition_type *moving = partition_type("moving");

    return there->kind == TABLE_MBR ? entry->code == moving->code
                                    : guid_equal(&entry->type, &moving->guid);
}

/* Only the file was not told that the work is over: nothing is copied any more. */
static bool is_over(const struct table_entry *entry, const struct pending *pending)
{
    return new_place_reached(entry, pending) && pending->index.bytes == 0;
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
           guid_equal(&entry->type, &pending->type) && entry->code == pending->mbr_type;
}

/* What the disk's log says, as it stands there: whether the file that it points to is done is not
 * the question. *history: NULL where there is none, or none that can be read. */
static int read_log(struct blockdev *disk, const struct table *there, struct history **history,
                    struct err *e)
{
    _cleanup_free_ struct extent *places = NULL;
    _cleanup_area_ struct area area = {0};
    struct err damaged;
    size_t n;

    *history = NULL;
    if (log_places_on(disk, there, &places, &n, e) < 0 || area_find(disk, places, n, &area, e) < 0)
        return -1;
    if (area.document != NULL)
        *history = history_parse(area.document, area.bytes, &damaged);
    return 0;
}

static bool is_given_up(const struct history *history, const struct pending *pending)
{
    return history != NULL && !guid_is_zero(&history->given_up) &&
           (guid_equal(&history->given_up, &pending->work) ||
            guid_equal(&history->given_up, &pending->work_next));
}

/* 1: the disk is the one, 0: it is not. */
static int has_sign(const struct history *history, const struct table *there,
                    const struct pending *pending, struct area *file, struct err *e)
{
    const struct table_entry *entry = log_worked_on(there, pending);

    if (history != NULL && history->pending != NULL)
        return is_marker_of(history->pending, pending);
    if (is_given_up(history, pending))
        return 0;
    if (is_moving(there, entry) || is_over(entry, pending))
        return 1;
    return history != NULL ? 0 : is_untouched(entry, pending, file, e);
}

/* An MBR's partitions have no name of their own: one that is elsewhere is another one. */
static bool is_another(const struct table_entry *entry, const struct pending *pending)
{
    return !is_same_range(&entry->range, &pending->from) &&
           !is_same_range(&entry->range, &pending->both) &&
           !is_same_range(&entry->range, &pending->to);
}

static int refuse_given_up(const char *path, const struct blockdev *disk,
                           const struct pending *pending, struct err *e)
{
    err_set(e, ERR_REFUSED,
            "--journal %s: its work, %s %s, is no longer on %s: it was given up with its partition",
            path, pending->op == HISTORY_MOVE ? "moving" : "resizing",
            table_title(pending->number, pending->name).text, disk->name);
    return err_hint(e, "delete the file, unless this is a copy of the disk on which that was "
                       "interrupted: that one needs it still");
}

static int refuse_without_sign(const char *path, const struct blockdev *disk,
                               const struct pending *pending, struct err *e)
{
    struct shell_word word = shell_quote(path);

    err_set(e, ERR_REFUSED,
            "--journal %s: its work, %s %s, was interrupted, and %s has no sign of that: it is a "
            "copy of that disk, or was put back since, or its partition was deleted",
            path, pending->op == HISTORY_MOVE ? "moving" : "resizing",
            table_title(pending->number, pending->name).text, disk->name);
    return err_hint(e,
                    "finish it on the disk where it was interrupted: berth disk finish DISK "
                    "--journal %s; where that is as it was before, or its partition is gone, "
                    "delete the file, and begin anew with another one",
                    word.text);
}

int log_check_sign(const char *path, struct blockdev *disk, const struct table *there,
                   const struct pending *pending, struct area *file, struct err *e)
{
    _cleanup_history_ struct history *history = NULL;
    int found = read_log(disk, there, &history, e);

    if (found == 0)
        found = has_sign(history, there, pending, file, e);
    if (found != 0)
        return found < 0 ? -1 : 0;
    return is_given_up(history, pending) || is_another(log_worked_on(there, pending), pending)
               ? refuse_given_up(path, disk, pending, e)
               : refuse_without_sign(path, disk, pending, e);
}

char *disk_log_known_by(const struct survey *survey, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    char *line;
    struct stat st;

    if (survey->wwn != NULL)
        text = io_format(e, "WWN %s", survey->wwn);
    else if (survey->serial != NULL)
        text = io_format(e, "serial %s", survey->serial);
    else if (stat(survey->path, &st) == 0 && S_ISREG(st.st_mode))
        text = io_format(e, "inode %llu", (unsigned long long)st.st_ino);
    else
        text = io_format(e, "%s", "");
    if (text == NULL)
        return NULL;
    line = history_line(text);
    if (line == NULL)
        err_no_memory(e);
    return line;
}

int disk_log_note_copy(struct plan *plan, const struct pending *pending, struct err *e)
{
    const char *noted = pending->known_by;
    _cleanup_free_ char *now = disk_log_known_by(plan->survey, e);

    if (now == NULL)
        return -1;
    if (noted == NULL || *noted == '\0' || strcmp(noted, now) == 0)
        return 0;
    return plan_note(plan, e,
                     "%s is not the disk on which this was interrupted, but a copy, or a file that "
                     "was moved: for a copy name a copy of the journal, too, since the other one "
                     "cannot be finished without it",
                     plan->survey->path);
}
