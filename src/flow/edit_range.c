// SPDX-License-Identifier: GPL-3.0-or-later
/* edit_range.c: gives a partition another size or another place. Pure. */
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/edit_parts.h"
#include "partition/layout.h"

#include <ctype.h>
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

/* "10" is ten bytes, which nobody means. */
int edit_check_least(const char *option, const char *text, uint64_t bytes,
                     const struct blockdev *bd, struct err *e)
{
    if (bytes >= bd->sector)
        return 0;
    err_set(e, ERR_USAGE, "%s %s: %llu byte%s less than one sector, which has %u", option, text,
            (unsigned long long)bytes, bytes == 1 ? " is" : "s are", bd->sector);
    return bytes > 0 && isdigit((unsigned char)text[strlen(text) - 1])
               ? err_hint(e, "%sM is so many mebibytes", text)
               : edit_hint_size(e);
}

int edit_hint_size(struct err *e)
{
    return err_hint(e, "a size is a number and its unit: 512MiB, 20G");
}

/* 1: "+0M", which leaves it as it is. */
static int parse_amount(const char *text, const char *option, const struct blockdev *bd,
                        uint64_t *value, struct err *e)
{
    bool relative = *text == '+' || *text == '-';

    if (size_parse_amount(relative ? text + 1 : text, value, e) < 0) {
        err_wrap(e, "%s %s", option, text);
        return edit_hint_size(e);
    }
    if (relative && *value == 0)
        return 1;
    return edit_check_least(option, text, *value, bd, e);
}

int edit_parse_percent(const char *text, const char *option, uint64_t whole, uint64_t *value,
                       struct err *e)
{
    char least[SIZE_TEXT];
    struct size size;

    if (!isdigit((unsigned char)*text) || strchr(text, '%') == NULL)
        return 0;
    if (size_parse(text, &size, e) < 0)
        return err_wrap(e, "%s %s", option, text);
    *value =
        round_down((uint64_t)((unsigned __int128)whole * size.value / 10000), LAYOUT_ALIGNMENT);
    return *value > 0 ? 1
                      : err_set(e, ERR_NO_SPACE, "%s %s of this disk is less than %s", option, text,
                                size_exact(LAYOUT_ALIGNMENT, least, sizeof(least)));
}

/* A value with a sign is relative to what is there, a percentage to the whole. */
static int parse_relative(const char *text, const char *option, uint64_t there, uint64_t whole,
                          const struct blockdev *bd, uint64_t *value, struct err *e)
{
    int percent = edit_parse_percent(text, option, whole, value, e), same;
    char now[SIZE_TEXT];

    if (percent != 0)
        return percent < 0 ? -1 : 0;
    same = parse_amount(text, option, bd, value, e);
    if (same < 0)
        return -1;
    if (same > 0)
        *value = there;
    else if (*text == '+' && __builtin_add_overflow(there, *value, value))
        return err_set(e, ERR_NO_SPACE, "%s %s is past the end of every disk", option, text);
    else if (*text == '-' && *value >= there)
        return err_set(e, ERR_NO_SPACE, "%s %s leaves nothing of %s", option, text,
                       size_exact(there, now, sizeof(now)));
    else if (*text == '-')
        *value = there - *value;
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
    } else if (parse_relative(edit->size, "--size", entry->range.bytes, there->usable.bytes, bd,
                              &bytes, e) < 0) {
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

int edit_resize(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;

    if (edit_is_extended(edit, there)) {
        wanted->table = table_copy(there, e);
        return wanted->table == NULL ? -1 : edit_resize_extended(edit, bd, wanted, e);
    }
    if (edit_copy_with(edit, there, wanted, &entry, e) < 0)
        return -1;
    wanted->sized = entry->number;
    return edit_new_size(edit, bd, there, entry, e);
}

int edit_move(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;
    struct edit_place place;
    uint64_t start;

    if (edit_is_extended(edit, there))
        return edit_refuse_extended(edit, there, "stays where it begins", e);
    if (edit_copy_with(edit, there, wanted, &entry, e) < 0 ||
        parse_relative(edit->start, "--start", entry->range.start, bd->bytes, bd, &start, e) < 0)
        return -1;
    if (start % bd->sector != 0)
        return err_set(e, ERR_USAGE, "--start %s is not a multiple of the %u-byte sectors",
                       edit->start, bd->sector);
    if (edit_check_reach(there, bd, "--start", edit->start, start + entry->range.bytes, e) < 0)
        return -1;
    place = (struct edit_place){entry->number,
                                edit_is_logical(there, entry->number),
                                {start, entry->range.bytes},
                                "--start",
                                edit->start};
    if (edit_check_place(there, bd, &place, e) < 0)
        return -1;
    entry->range.start = start;
    entry->ebr = 0;
    return 0;
}
