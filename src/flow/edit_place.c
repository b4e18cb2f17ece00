// SPDX-License-Identifier: GPL-3.0-or-later
/* edit_place.c: why a partition cannot be where a person wants it, and where it can. Pure. */
#include "core/cleanup.h"
#include "core/size.h"
#include "flow/edit_parts.h"
#include "partition/layout.h"
#include "partition/mbr.h"

#include <string.h>

#define PLACES_LISTED 4

/* The first and the last start in the gap for so many bytes, on whole MiB where those fit. False:
 * they do not fit. */
static bool starts_in(const struct extent *gap, uint64_t bytes, uint64_t *first, uint64_t *last)
{
    if (gap->bytes < bytes)
        return false;
    *last = extent_end(gap) - bytes;
    *first = round_up(gap->start, LAYOUT_ALIGNMENT);
    if (*first > *last)
        *first = gap->start;
    if (round_down(*last, LAYOUT_ALIGNMENT) >= *first)
        *last = round_down(*last, LAYOUT_ALIGNMENT);
    return true;
}

/* "1MiB to 16MiB, or 48MiB"; empty where nothing fits. */
static void print_starts(const struct extent *gaps, size_t n, uint64_t bytes, char *list,
                         size_t room)
{
    size_t fill = 0, listed = 0;

    *list = '\0';
    for (size_t i = 0; i < n && listed < PLACES_LISTED; i++) {
        char from[SIZE_TEXT], to[SIZE_TEXT];
        uint64_t first, last;

        if (!starts_in(&gaps[i], bytes, &first, &last))
            continue;
        size_exact(first, from, sizeof(from));
        size_exact(last, to, sizeof(to));
        fill += (size_t)snprintf(list + fill, room - fill, "%s%s%s%s", listed++ > 0 ? ", or " : "",
                                 from, first < last ? " to " : "", first < last ? to : "");
    }
}

static uint64_t largest(const struct extent *gaps, size_t n)
{
    uint64_t most = 0;

    for (size_t i = 0; i < n; i++)
        if (gaps[i].bytes > most)
            most = gaps[i].bytes;
    return most;
}

int edit_hint_places(const struct table *there, unsigned number, bool logical, uint64_t bytes,
                     struct err *e)
{
    _cleanup_table_ struct table *left = table_copy(there, e);
    _cleanup_free_ struct extent *gaps = NULL;
    char starts[PLACES_LISTED * (2 * SIZE_TEXT + 8)], size[SIZE_TEXT], most[SIZE_TEXT];
    struct err ignored;
    size_t n;

    if (left == NULL)
        return -1;
    if (table_entry_by_number(left, number) != NULL)
        table_remove(left, number); /* its own room counts */
    if (table_gaps(left, logical, &gaps, &n, &ignored) < 0)
        return -1;
    size_exact(bytes, size, sizeof(size));
    print_starts(gaps, n, bytes, starts, sizeof(starts));
    if (*starts != '\0')
        return err_hint(e, "%s fit with --start %s", size, starts);
    return err_hint(e, "%s fit nowhere: the largest free range has %s", size,
                    size_exact(largest(gaps, n), most, sizeof(most)));
}

/* ERR_NO_SPACE that says what lies there: another partition, or the frame of the logical ones. */
static int in_the_way(const char *option, const char *value, unsigned number, const char *name,
                      const struct extent *range, struct err *e)
{
    char from[SIZE_TEXT], to[SIZE_TEXT];

    size_exact(range->start, from, sizeof(from));
    size_exact(extent_end(range), to, sizeof(to));
    return err_set(e, ERR_NO_SPACE, "%s %s overlaps %s, which takes %s to %s", option, value,
                   table_title(number, name).text, from, to);
}

static int check_others(const struct table *there, const struct edit_place *place, struct err *e)
{
    const struct table_extended *frame = &there->extended;

    for (size_t i = 0; i < there->n; i++) {
        const struct table_entry *other = &there->entries[i];

        if (other->number != place->number && extent_overlaps(&other->range, &place->range) &&
            edit_is_logical(there, other->number) == place->logical)
            return in_the_way(place->option, place->value, other->number, other->name,
                              &other->range, e);
    }
    if (place->logical || frame->range.bytes == 0 || !extent_overlaps(&frame->range, &place->range))
        return 0;
    return in_the_way(place->option, place->value, frame->number, "the extended one", &frame->range,
                      e);
}

/* What ends where, for a range that goes beyond it. */
static int past_the_end(const struct table *there, const struct edit_place *place, const char *what,
                        uint64_t end, struct err *e)
{
    const struct table_entry *entry = table_entry_by_number((struct table *)there, place->number);
    char size[SIZE_TEXT], at[SIZE_TEXT];

    size_exact(place->range.bytes, size, sizeof(size));
    size_exact(end, at, sizeof(at));
    return err_set(e, ERR_NO_SPACE, "%s %s: the %s of %s would end behind %s, which ends at %s",
                   place->option, place->value, size,
                   entry != NULL ? table_title(entry->number, entry->name).text
                                 : "the new partition",
                   what, at);
}

static int check_frame(const struct table *there, const struct blockdev *bd,
                       const struct edit_place *place, struct err *e)
{
    const struct extent *frame = place->logical ? &there->extended.range : &there->usable;
    const struct extent disk = {0, bd->bytes};
    const char *what = place->logical ? "the extended partition" : "the range for partitions";
    char from[SIZE_TEXT];

    size_exact(frame->start, from, sizeof(from));
    if (place->range.start < frame->start && (place->logical || there->kind == TABLE_GPT))
        return err_set(e, ERR_NO_SPACE, "%s %s is before %s, which begins at %s", place->option,
                       place->value, what, from);
    if (!extent_contains(&disk, &place->range))
        return past_the_end(there, place, "the disk", bd->bytes, e);
    if (place->range.start < extent_end(frame) &&
        place->range.bytes <= extent_end(frame) - place->range.start)
        return 0;
    return past_the_end(there, place, what, extent_end(frame), e);
}

int edit_check_place(const struct table *there, const struct blockdev *bd,
                     const struct edit_place *place, struct err *e)
{
    if (check_others(there, place, e) == 0 && check_frame(there, bd, place, e) == 0)
        return 0;
    return edit_hint_places(there, place->number, place->logical, place->range.bytes, e);
}

bool edit_is_logical(const struct table *there, unsigned number)
{
    return there->kind == TABLE_MBR && number >= MBR_FIRST;
}

/* Where the next partition behind `end` begins, UINT64_MAX when there is none; *title says which.
 */
static uint64_t next_start(const struct table *there, bool logical, uint64_t end,
                           struct table_title *title)
{
    const struct table_extended *frame = &there->extended;
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < there->n; i++) {
        const struct table_entry *other = &there->entries[i];

        if (other->range.start < end || other->range.start >= next ||
            edit_is_logical(there, other->number) != logical)
            continue;
        next = other->range.start;
        *title = table_title(other->number, other->name);
    }
    if (!logical && frame->range.bytes > 0 && frame->range.start >= end &&
        frame->range.start < next) {
        next = frame->range.start;
        *title = table_title(frame->number, "the extended one");
    }
    return next;
}

void edit_print_follower(const struct table *there, const struct table_entry *entry, char *text,
                         size_t len)
{
    bool logical = edit_is_logical(there, entry->number);
    struct table_title title;
    uint64_t next = next_start(there, logical, extent_end(&entry->range), &title);
    char at[SIZE_TEXT];

    if (next == UINT64_MAX)
        snprintf(text, len, "%s",
                 logical ? "then the extended partition ends" : "then the disk ends");
    else
        snprintf(text, len, "%s begins at %s", title.text, size_exact(next, at, sizeof(at)));
}
