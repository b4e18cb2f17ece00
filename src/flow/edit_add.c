// SPDX-License-Identifier: GPL-3.0-or-later
/* edit_add.c: adds a partition to a table: its number, its place, its type. Pure. */
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/edit_parts.h"
#include "partition/layout.h"
#include "partition/type.h"

#include <string.h>

static struct extent largest_gap(const struct extent *gaps, size_t n)
{
    struct extent best = {0, 0};

    for (size_t i = 0; i < n; i++)
        if (gaps[i].bytes > best.bytes)
            best = gaps[i];
    return best;
}

static int no_gap(const struct edit *edit, struct extent room, struct err *e)
{
    const char *option = edit->size != NULL ? "--size " : "";
    const char *value = edit->size != NULL ? edit->size : "a partition";
    char have[SIZE_TEXT];

    size_exact(room.bytes, have, sizeof(have));
    if (edit->start != NULL)
        err_set(e, ERR_NO_SPACE, "%s%s has no room at --start %s: from there %s are free", option,
                value, edit->start, have);
    else if (edit->gap != NULL)
        err_set(e, ERR_NO_SPACE, "%s%s has no room in --gap %s, which has %s", option, value,
                edit->gap, have);
    else
        err_set(e, ERR_NO_SPACE, "%s%s: no free range has room for it; the largest has %s", option,
                value, have);
    return room.bytes > 0 ? err_hint(e, "--size rest takes %s",
                                     edit->start == NULL && edit->gap == NULL ? "the largest one"
                                                                              : "all of it")
                          : err_hint(e, "shrink or delete a partition first");
}

/* Aligns each gap's start and end, and drops those of which nothing is left. */
static size_t align_gaps(struct extent *gaps, size_t n, uint64_t align)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t start = round_up(gaps[i].start, align);
        uint64_t end = round_down(extent_end(&gaps[i]), align);

        if (end > start)
            gaps[kept++] = (struct extent){start, end - start};
    }
    return kept;
}

/* The gap that a person or the size asks for. */
static int choose_gap(const struct edit *edit, const struct extent *gaps, size_t n, uint64_t bytes,
                      const char *disk, struct extent *gap, struct err *e)
{
    unsigned number;

    *gap = largest_gap(gaps, n);
    if (edit->gap == NULL) {
        for (size_t i = 0; i < n && bytes != 0; i++)
            if (gaps[i].bytes >= bytes) {
                *gap = gaps[i];
                break;
            }
        return 0;
    }
    if (strcmp(edit->gap, "largest") == 0)
        return 0;
    number = number_parse(edit->gap);
    if (number == 0 || number > n) {
        err_set(e, ERR_USAGE, "--gap %s: there is no such gap: the disk has %zu", edit->gap, n);
        return err_hint(e, "`berth disk show %s` lists the free ranges in their order",
                        shell_quote(disk).text);
    }
    *gap = gaps[number - 1];
    return 0;
}

/* What is there instead of a gap. */
static int no_gap_at(const struct edit *edit, const struct table *there, const struct blockdev *bd,
                     uint64_t start, uint64_t bytes, struct err *e)
{
    struct edit_place place = {0, edit->logical, {start, bytes}, "--start", edit->start};

    if (edit_check_place(there, bd, &place, e) < 0)
        return -1;
    err_set(e, ERR_NO_SPACE, "--start %s lies in no free range", edit->start);
    return edit_hint_places(there, 0, edit->logical, bytes, e);
}

/* The gap from a start that a person gives, as far as it goes. */
static int gap_at(const struct edit *edit, const struct table *there, const struct extent *gaps,
                  size_t n, const struct blockdev *bd, uint64_t bytes, struct extent *gap,
                  struct err *e)
{
    uint64_t start;
    int percent = edit_parse_percent(edit->start, "--start", bd->bytes, &start, e);

    if (percent < 0)
        return -1;
    if (percent == 0 && size_parse_bytes(edit->start, &start, e) < 0) {
        err_wrap(e, "--start");
        return edit_hint_size(e);
    }
    if (start % bd->sector != 0)
        return err_set(e, ERR_USAGE, "--start %s is not a multiple of the %u-byte sectors",
                       edit->start, bd->sector);
    for (size_t i = 0; i < n; i++)
        if (gaps[i].start <= start && start < extent_end(&gaps[i])) {
            *gap = (struct extent){start, extent_end(&gaps[i]) - start};
            return 0;
        }
    if (edit_check_reach(there, bd, "--start", edit->start, start + bd->sector, e) < 0)
        return -1;
    return no_gap_at(edit, there, bd, start, bytes != 0 ? bytes : LAYOUT_ALIGNMENT, e);
}

static int parse_size(const struct edit *edit, const struct table *there, const struct blockdev *bd,
                      uint64_t align, uint64_t *bytes, struct err *e)
{
    struct size size = {.kind = SIZE_REST};

    if (edit->size != NULL && size_parse(edit->size, &size, e) < 0) {
        err_wrap(e, "--size");
        return edit_hint_size(e);
    }
    *bytes = 0; /* all there is */
    if (size.kind == SIZE_BYTES && edit_check_least("--size", edit->size, size.value, bd, e) < 0)
        return -1;
    if (size.kind == SIZE_BYTES)
        *bytes = round_up(size.value, align);
    else if (size.kind == SIZE_PERCENT)
        *bytes = round_down((uint64_t)((unsigned __int128)there->usable.bytes * size.value / 10000),
                            align);
    return size.kind != SIZE_REST && *bytes == 0
               ? err_set(e, ERR_USAGE, "--size %s is less than the alignment", edit->size)
               : 0;
}

/* Between two partitions that are not aligned, what a person asked for may fit, and no more. */
static uint64_t size_exactly(const struct edit *edit, const struct blockdev *bd, uint64_t rounded,
                             uint64_t room)
{
    struct size size = {.kind = SIZE_REST};
    struct err never;

    if (edit->start == NULL || edit->size == NULL || rounded <= room ||
        size_parse(edit->size, &size, &never) < 0 || size.kind != SIZE_BYTES)
        return rounded;
    return round_up(size.value, bd->sector) <= room ? round_up(size.value, bd->sector) : rounded;
}

static int place(const struct edit *edit, const struct blockdev *bd, const struct table *there,
                 struct extent *range, struct err *e)
{
    _cleanup_free_ struct extent *gaps = NULL;
    struct extent gap = {0, 0};
    uint64_t align, bytes;
    size_t n;

    if (edit_parse_align(edit, bd, &align, e) < 0 ||
        parse_size(edit, there, bd, align, &bytes, e) < 0 ||
        table_gaps(there, edit->logical, &gaps, &n, e) < 0)
        return -1;
    if (edit->start == NULL)
        n = align_gaps(gaps, n, align);
    if (edit->start != NULL ? gap_at(edit, there, gaps, n, bd, bytes, &gap, e) < 0
                            : choose_gap(edit, gaps, n, bytes, bd->name, &gap, e) < 0)
        return -1;
    if (bytes == 0 && edit->start != NULL && round_down(extent_end(&gap), align) > gap.start)
        bytes = round_down(extent_end(&gap), align) - gap.start;
    else if (bytes == 0)
        bytes = gap.bytes;
    bytes = size_exactly(edit, bd, bytes, gap.bytes);
    if (bytes > gap.bytes && edit->size != NULL &&
        edit_check_reach(there, bd, "--size", edit->size, gap.start + bytes, e) < 0)
        return -1;
    if (bytes == 0 || bytes > gap.bytes)
        return no_gap(edit, gap, e);
    *range = (struct extent){gap.start, bytes};
    return 0;
}

static unsigned next_logical(const struct table *table)
{
    unsigned last = 4;

    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].number > last)
            last = table->entries[i].number;
    return last + 1;
}

static int number_taken(const struct edit *edit, const struct table *table, const char *name,
                        struct err *e)
{
    unsigned lowest = table_free_number(table);

    err_set(e, ERR_USAGE, "--number %s is taken by %s", edit->number,
            table_title(number_parse(edit->number), name).text);
    return lowest != 0 && lowest <= table->slots
               ? err_hint(e, "the lowest that is free is %u", lowest)
               : err_hint(e, "all %u are taken", table->slots);
}

/* Four primary partitions leave no entry for an extended one either. */
static int no_entry_left(const struct table *table, const char *disk, struct err *e)
{
    err_set(e, ERR_NO_SPACE, "the table has no entry left: all %u are taken", table->slots);
    if (table->kind != TABLE_MBR)
        return err_hint(e, "delete a partition first");
    if (table->extended.range.bytes > 0)
        return err_hint(e, "--logical makes one inside the extended partition");
    return err_hint(e,
                    "delete one first, or make it a GPT, which has room for 128: "
                    "`berth part table %s gpt --convert`",
                    shell_quote(disk).text);
}

static int choose_number(const struct edit *edit, const struct table *table, const char *disk,
                         unsigned *number, struct err *e)
{
    const struct table_entry *taken;

    if (edit->logical) {
        *number = next_logical(table);
        return 0;
    }
    *number = table_free_number(table);
    if (edit->number != NULL) {
        *number = number_parse(edit->number);
        if (*number == 0 || *number > table->slots)
            return err_set(e, ERR_USAGE, "--number %s: the numbers of this table are 1 to %u",
                           edit->number, table->slots);
        taken = table_entry_by_number((struct table *)table, *number);
        if (taken != NULL)
            return number_taken(edit, table, taken->name, e);
        if (table->extended.range.bytes > 0 && table->extended.number == *number)
            return number_taken(edit, table, "the extended one", e);
    }
    if (*number != 0 && *number <= table->slots)
        return 0;
    return no_entry_left(table, disk, e);
}

/* On an MBR the extended partition is not an entry but the frame of the logical ones. */
static int add_extended(const struct edit *edit, struct blockdev *bd, struct wanted *wanted,
                        const struct table_entry *entry, struct err *e)
{
    struct table *table = wanted->table;
    (void)bd;

    if (table->extended.range.bytes != 0)
        return err_set(e, ERR_REFUSED, "--type %s: partition %u is the extended one already",
                       edit->type, table->extended.number);
    if (edit->fs != NULL)
        return err_set(e, ERR_USAGE, "--fs %s: an extended partition holds no filesystem",
                       edit->fs);
    table->extended = (struct table_extended){entry->number, entry->code, entry->range};
    return 0;
}

static bool is_extended(uint8_t code)
{
    return code == 0x05 || code == 0x0f || code == 0x85;
}

/* What contradicts itself, or means nothing here. */
static int check_together(const struct edit *edit, const struct table *there, struct err *e)
{
    if (edit->logical && there->kind != TABLE_MBR) {
        err_set(e, ERR_USAGE, "--logical: a GPT has no logical partitions");
        return err_hint(e, "leave it away: a GPT has room for %u partitions", there->slots);
    }
    if (edit->logical && there->extended.range.bytes == 0) {
        err_set(e, ERR_REFUSED, "there is no extended partition for a logical one");
        return err_hint(e, "berth part add DISK --type extended");
    }
    if (edit->label != NULL && edit->fs == NULL)
        return err_set(e, ERR_USAGE,
                       "--label %s: a label belongs to a filesystem: say which by --fs",
                       edit->label);
    if (edit->gap != NULL && edit->start != NULL)
        return err_set(e, ERR_USAGE, "--gap %s and --start %s both say where: leave one away",
                       edit->gap, edit->start);
    if (edit->logical && edit->number != NULL) {
        err_set(e, ERR_USAGE, "--number %s: logical partitions are numbered in a row",
                edit->number);
        return err_hint(e, "leave it away: the next one is %u", next_logical(there));
    }
    return 0;
}

int edit_add(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
             struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry entry = {.uuid = edit->fresh[0]};

    if (edit_need_table(there, e) < 0 || check_together(edit, there, e) < 0)
        return -1;
    if (edit_check_name(there, edit->name, 0, e) < 0 ||
        choose_number(edit, there, bd->name, &entry.number, e) < 0 ||
        place(edit, bd, there, &entry.range, e) < 0 ||
        edit_set_type(edit_type_for(edit, there->kind), there->kind, &entry, e) < 0 ||
        (edit->name != NULL && edit_set_name(edit->name, there->kind, &entry, e) < 0))
        return -1;
    if (there->kind == TABLE_MBR)
        entry.uuid = table_mbr_uuid(there, entry.number);
    if (edit->uuid != NULL && edit_parse_uuid(edit->uuid, there, 0, &entry.uuid, e) < 0)
        return err_hint(e, "leave it away: %s",
                        there->kind == TABLE_MBR ? "an MBR has no place for it"
                                                 : "a random one is made");
    wanted->table = table_copy(there, e);
    if (wanted->table == NULL)
        return -1;
    if (there->kind == TABLE_MBR && is_extended(entry.code))
        return add_extended(edit, bd, wanted, &entry, e);
    if (table_insert(wanted->table, &entry, e) < 0)
        return -1;
    if (edit->active)
        edit_set_active(wanted->table, table_entry_by_number(wanted->table, entry.number));
    return edit->fs != NULL ? edit_add_format(wanted, entry.number, edit, e) : 0;
}
