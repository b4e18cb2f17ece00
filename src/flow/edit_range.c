// SPDX-License-Identifier: GPL-3.0-or-later
/* edit_range.c: the size that a partition can have where it is. Pure. */
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/edit_parts.h"

#include <string.h>

/* Where the free range behind the entry ends. */
static int room_behind(const struct table *there, const struct table_entry *entry, uint64_t *end,
                       struct err *e)
{
    _cleanup_free_ struct extent *gaps = NULL;
    size_t n;

    *end = extent_end(&entry->range);
    if (table_gaps(there, edit_is_logical(there, entry->number), &gaps, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (gaps[i].start <= *end + MIB && extent_end(&gaps[i]) > *end && gaps[i].start >= *end)
            *end = extent_end(&gaps[i]);
    return 0;
}

static int too_large(const struct edit *edit, const struct table *there,
                     const struct table_entry *entry, uint64_t wanted, uint64_t most, struct err *e)
{
    char have[SIZE_TEXT], need[SIZE_TEXT], follower[300];

    size_exact(wanted, need, sizeof(need));
    size_exact(most < MIB ? most : round_down(most, MIB), have, sizeof(have));
    edit_print_follower(there, entry, follower, sizeof(follower));
    err_set(e, ERR_NO_SPACE, "--size %s: %s has room for %s, not %s: %s", edit->size,
            table_title(entry->number, entry->name).text, have, need, follower);
    return err_hint(e, "%smoving or deleting what follows makes room",
                    most > entry->range.bytes ? "--size rest takes all of it; " : "");
}

int edit_check_reach(const struct table *there, const struct blockdev *bd, const char *option,
                     const char *value, uint64_t end, struct err *e)
{
    uint64_t reach = table_reach(there->kind, bd->sector, bd->bytes);
    char size[SIZE_TEXT];

    if (end <= reach || end > bd->bytes)
        return 0;
    err_set(e, ERR_NO_SPACE,
            "%s %s: an MBR with sectors of %u bytes cannot describe what lies behind the first %s "
            "of a disk",
            option, value, bd->sector, size_exact(reach, size, sizeof(size)));
    return err_hint(e, "`berth part table %s gpt --convert` makes it a GPT, which can",
                    shell_quote(bd->name).text);
}

int edit_new_size(const struct edit *edit, const struct blockdev *bd, const struct table *there,
                  struct table_entry *entry, struct err *e)
{
    uint64_t bytes, end, align;

    if (edit_parse_align(edit, bd, &align, e) < 0 || room_behind(there, entry, &end, e) < 0)
        return -1;
    if (strcmp(edit->size, "rest") == 0) {
        bytes = round_down(end, align) > extent_end(&entry->range)
                    ? round_down(end, align) - entry->range.start
                    : entry->range.bytes;
    } else if (edit_parse_relative(edit->size, "--size", entry->range.bytes, there->usable.bytes,
                                   bd, &bytes, e) < 0) {
        return -1;
    } else if (bytes != entry->range.bytes) {
        bytes = round_up(bytes, align); /* what stays as it is need not be aligned */
    }
    if (bytes > end - entry->range.start &&
        edit_check_reach(there, bd, "--size", edit->size, entry->range.start + bytes, e) < 0)
        return -1;
    if (bytes > end - entry->range.start)
        return too_large(edit, there, entry, bytes, end - entry->range.start, e);
    entry->range.bytes = bytes;
    return 0;
}
