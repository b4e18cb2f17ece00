// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * new_place.c: looks at the beginning of both places of a move, where a filesystem is recognised by
 * its kind and UUID.
 *
 * What the copy itself may leave at the beginning of the new place, at any moment, is what was
 * there, what the partition has, or a part of both by which nothing is recognised. Where the places
 * overlap and the partition moves to the right, its own beginning stays as it is until the end.
 */
#include "log/new_place.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "core/size.h"
#include "fs/probe.h"

#include <string.h>

/* Signatures at the end of the partition are left out: the end may be copied long before the
 * beginning. */
#define BEGINNING (1 * MIB)

/* "ext4 <UUID>", new; "" where nothing is recognised, or several things are. */
static char *recognise(struct blockdev *disk, struct extent place, struct err *e)
{
    struct probe probe;
    char *text;

    place.bytes = place.bytes < BEGINNING ? place.bytes : BEGINNING;
    if (probe_range(disk, place, &probe, e) < 0)
        return NULL;
    text = probe.fs == NULL ? io_format(e, "%s", "")
                            : io_format(e, "%s%s%s", probe.fs, probe.uuid != NULL ? " " : "",
                                        probe.uuid != NULL ? probe.uuid : "");
    probe_clear(&probe);
    return text;
}

int new_place_note(struct blockdev *disk, struct pending *pending, struct err *e)
{
    pending->content = recognise(disk, pending->from, e);
    pending->content_before = pending->content != NULL ? recognise(disk, pending->to, e) : NULL;
    return pending->content_before != NULL ? 0 : -1;
}

bool new_place_reached(const struct table_entry *entry, const struct pending *pending)
{
    return entry->range.start == pending->to.start && entry->range.bytes == pending->to.bytes &&
           guid_equal(&entry->type, &pending->type) && entry->code == pending->mbr_type;
}

/* The copy is complete, and what is there may be newer. */
static bool has_arrived(const struct table *there, const struct pending *pending)
{
    const struct table_entry *entry =
        table_entry_by_uuid((struct table *)there, &pending->partition);

    return entry != NULL && new_place_reached(entry, pending);
}

static int refuse(const struct blockdev *disk, const struct pending *pending, const char *found,
                  bool in_new_place, const char *file, struct err *e)
{
    struct shell_word word = shell_quote(disk->name);

    err_set(e, ERR_REFUSED, "moving %s was interrupted, and %s there is something else by now: %s",
            table_title(pending->number, pending->name).text,
            in_new_place ? "where it goes" : "in it", found);
    return err_hint(e,
                    "keep that, and give up what was moved: `berth part rm %s %u --lose %u`; or "
                    "go on over it: `%s --lose %u`",
                    word.text, pending->number, pending->number,
                    pending_command(pending, disk->name, file).text, pending->number);
}

int new_place_check(struct blockdev *disk, const struct table *there, const struct pending *pending,
                    const char *file, struct err *e)
{
    _cleanup_free_ char *from = NULL, *to = NULL;
    bool apart = !extent_overlaps(&pending->from, &pending->to);

    if (pending->op != HISTORY_MOVE || pending->content == NULL ||
        pending->content_before == NULL || has_arrived(there, pending))
        return 0;
    from = recognise(disk, pending->from, e);
    to = from != NULL ? recognise(disk, pending->to, e) : NULL;
    if (to == NULL)
        return -1;
    /* a source that stays whole may be used meanwhile, and is moved as it is then */
    if (*to != '\0' && strcmp(to, pending->content) != 0 &&
        strcmp(to, pending->content_before) != 0 && !(apart && strcmp(to, from) == 0))
        return refuse(disk, pending, to, true, file, e);
    if (!apart && pending->to.start > pending->from.start && *from != '\0' &&
        strcmp(from, pending->content) != 0)
        return refuse(disk, pending, from, false, file, e);
    return 0;
}
