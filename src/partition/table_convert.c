// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * table_convert.c: a table of one kind as one of the other. Pure. No partition moves: where an MBR
 * needs an extended partition, its boot records go where no partition is.
 */
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"
#include "partition/type.h"

#define CODE_UNKNOWN  0xda /* "non-FS data": nobody takes it for something it is not */
#define CODE_EXTENDED 0x0f
#define OUTSIDE_MOST  (MBR_RECORDS - 1) /* primary partitions beside an extended one */

/* ---- where the extended partition goes ---- */

/* Entries by start, and which of them are to be logical. */
struct frame {
    const struct table_entry **sorted;
    size_t n, first, last; /* logical: sorted[first] to sorted[last] */
    struct extent range;   /* of the extended partition */
    size_t tight;          /* the first one that has no room for its boot record */
};

static int by_start(const void *a, const void *b)
{
    const struct table_entry *const *x = a, *const *y = b;

    if ((*x)->range.start != (*y)->range.start)
        return (*x)->range.start < (*y)->range.start ? -1 : 1;
    return 0;
}

static int sort_entries(const struct table *table, struct frame *frame, struct err *e)
{
    frame->sorted = calloc(table->n + 1, sizeof(*frame->sorted));
    if (frame->sorted == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < table->n; i++)
        frame->sorted[frame->n++] = &table->entries[i];
    qsort(frame->sorted, frame->n, sizeof(*frame->sorted), by_start);
    return 0;
}

/* The end of what lies before the i-th. In front of the usable range are GRUB's core and berth's
 * log, and no boot records. */
static uint64_t end_before(const struct frame *frame, size_t i, const struct table *to)
{
    return i > 0 ? extent_end(&frame->sorted[i - 1]->range) : to->usable.start;
}

/* A mebibyte before the first logical one where there is so much, else as far before as there is.
 */
static uint64_t frame_start(const struct frame *frame, const struct table *to)
{
    uint64_t end = end_before(frame, frame->first, to);
    uint64_t start = frame->sorted[frame->first]->range.start;

    return start >= MIB && start - MIB >= end ? start - MIB : end;
}

/* Each needs a sector for its boot record behind the one before it. The chain itself could have it
 * anywhere, but libparted ends with an assertion where records and partitions cross. */
static bool has_room(struct frame *frame, const struct table *to, unsigned sector)
{
    uint64_t end = frame_start(frame, to);

    frame->range.start = end;
    for (size_t i = frame->first; i <= frame->last; i++) {
        const struct extent *range = &frame->sorted[i]->range;

        if (range->start < end + sector) {
            frame->tight = i;
            return false;
        }
        end = extent_end(range);
    }
    frame->range.bytes = end - frame->range.start;
    return true;
}

static int refuse_tight(const struct frame *frame, size_t tight, const struct blockdev *bd,
                        struct err *e)
{
    err_set(e, ERR_NO_SPACE,
            "an MBR has room for 4 primary partitions, and there are %zu: partition %u would be a "
            "logical one, and before it there is no free sector for its boot record",
            frame->n, frame->sorted[tight]->number);
    return err_hint(e, "`berth part resize %s %u --size -1M` makes room, where that can be shrunk",
                    shell_quote(bd->name).text, frame->sorted[tight - 1]->number);
}

/* As many as can stay primary do, those in front first: a system boots from there. */
static int find_frame(struct frame *frame, const struct table *to, const struct blockdev *bd,
                      struct err *e)
{
    size_t tight = 0;

    for (size_t front = OUTSIDE_MOST + 1; front-- > 0;) {
        frame->first = front;
        frame->last = frame->n - 1 - (OUTSIDE_MOST - front);
        if (has_room(frame, to, bd->sector))
            return 0;
        if (tight == 0)
            tight = frame->tight;
    }
    return refuse_tight(frame, tight, bd, e);
}

/* ---- the entries ---- */

struct table_entry table_entry_as(const struct table_entry *from, enum table_kind kind)
{
    const struct partition_type *type = partition_type_of(&from->type);
    struct table_entry entry = {.number = from->number, .range = from->range};

    entry.attributes = from->attributes & TABLE_ACTIVE;
    if (kind == TABLE_GPT)
        entry.type = !guid_is_zero(&from->type) ? from->type : partition_type("linux")->guid;
    else
        entry.code = type != NULL && type->code != 0 ? type->code : CODE_UNKNOWN;
    return entry;
}

static int convert_entry(const struct table_entry *from, unsigned number, struct table *to,
                         struct err *e)
{
    struct table_entry entry = table_entry_as(from, to->kind);

    entry.number = number;
    if (to->kind == TABLE_GPT && guid_new(&entry.uuid, e) < 0)
        return -1;
    return table_insert(to, &entry, e);
}

static bool is_logical(const struct frame *frame, const struct table_entry *entry)
{
    for (size_t i = frame->first; frame->range.bytes > 0 && i <= frame->last; i++)
        if (frame->sorted[i] == entry)
            return true;
    return false;
}

/* Those that keep their number go first, so that the others get what is left. */
static int convert_primaries(const struct table *table, const struct frame *frame, struct table *to,
                             struct err *e)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < table->n; i++) {
            const struct table_entry *entry = &table->entries[i];
            bool keeps = to->kind == TABLE_GPT || entry->number <= MBR_RECORDS;

            if (is_logical(frame, entry) || keeps == (pass == 1))
                continue;
            if (convert_entry(entry, keeps ? entry->number : table_free_number(to), to, e) < 0)
                return -1;
        }
    return 0;
}

static int convert_entries(const struct table *table, const struct frame *frame, struct table *to,
                           struct err *e)
{
    if (convert_primaries(table, frame, to, e) < 0)
        return -1;
    if (frame->range.bytes == 0)
        return 0;
    to->extended = (struct table_extended){table_free_number(to), CODE_EXTENDED, frame->range};
    for (size_t i = frame->first; i <= frame->last; i++)
        if (convert_entry(frame->sorted[i], MBR_FIRST + (unsigned)(i - frame->first), to, e) < 0)
            return -1;
    return 0;
}

/* ---- the table ---- */

static int check_conversion(const struct table *table, enum table_kind kind, struct err *e)
{
    if (table->kind == TABLE_NONE || kind == TABLE_NONE)
        return err_set(e, ERR_USAGE, "there is no partition table to convert");
    if (table->kind == kind)
        return err_set(e, ERR_USAGE, "the partition table is %s already",
                       kind == TABLE_GPT ? "a GPT" : "an MBR");
    return 0;
}

/* A partition may begin anywhere behind the GPT, in front of where berth would begin. */
static void widen_usable(const struct table *from, struct table *to, const struct blockdev *bd)
{
    uint64_t front = to->entries_at + round_up((uint64_t)to->slots * to->entry_bytes, bd->sector);

    for (size_t i = 0; i < from->n && to->kind == TABLE_GPT; i++) {
        uint64_t start = from->entries[i].range.start;

        if (start >= front && start < to->usable.start) {
            to->usable.bytes += to->usable.start - start;
            to->usable.start = start;
        }
    }
}

/* An MBR's partition may reach the end of the disk, where a GPT has its second copy. */
static int hint_end(const struct table *to, const struct blockdev *bd, struct err *e)
{
    const struct table_entry *last = NULL;
    char size[SIZE_TEXT];
    uint64_t most;

    for (size_t i = 0; i < to->n; i++)
        if (last == NULL || to->entries[i].range.start > last->range.start)
            last = &to->entries[i];
    if (to->kind != TABLE_GPT || last == NULL || last->range.start >= extent_end(&to->usable) ||
        extent_end(&last->range) <= extent_end(&to->usable))
        return -1;
    most = round_down(extent_end(&to->usable) - last->range.start, MIB);
    if (most == 0)
        return -1;
    return err_hint(e, "`berth part resize %s %u --size %s` makes room, where that can be shrunk",
                    shell_quote(bd->name).text, last->number, size_exact(most, size, sizeof(size)));
}

static int fill(const struct table *table, struct table *to, struct blockdev *bd, struct err *e)
{
    struct frame frame = {0};
    int result = 0;

    if (to->kind == TABLE_MBR && table->n > MBR_RECORDS) {
        result = sort_entries(table, &frame, e);
        if (result == 0)
            result = find_frame(&frame, to, bd, e);
    }
    if (result == 0)
        result = convert_entries(table, &frame, to, e);
    free(frame.sorted);
    return result;
}

struct table *table_convert(const struct table *table, enum table_kind kind, struct blockdev *bd,
                            struct err *e)
{
    _cleanup_table_ struct table *to = NULL;
    struct guid uuid;

    if (check_conversion(table, kind, e) < 0 || guid_new(&uuid, e) < 0)
        return NULL;
    to = table_new(bd, kind, &uuid, e);
    if (to == NULL)
        return NULL;
    widen_usable(table, to, bd);
    if (fill(table, to, bd, e) < 0)
        return NULL;
    if (table_validate(to, bd, e) < 0) {
        err_wrap(e, "as %s", kind == TABLE_GPT ? "a GPT" : "an MBR");
        hint_end(to, bd, e);
        return NULL;
    }
    return steal(to);
}
