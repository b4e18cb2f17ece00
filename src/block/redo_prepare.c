// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * redo_prepare.c: how a change gets into the journal. Memory is needed for the index and two
 * buffers, whatever the size of the change. Nothing is written before it is known that everything
 * fits.
 */
#include "block/redo_index.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

/* ---- what is to be done ---- */

struct prepare {
    const struct redo_change *change;
    char *now, *then;           /* buffers: what the disk holds, what it shall hold */
    struct redo_entry *entries; /* in order; `from` and `crc` come last */
    size_t n, room;             /* entries, and what there is memory for */
    uint64_t bytes;             /* of data in them, in whole blocks */
    struct extent *ranges;      /* of the journal's device that are still unused, aligned */
};

/* Part of a change: at most REDO_RUN_MOST bytes, all of it free or nothing. Places are the
 * overlay's. */
typedef int piece_fn(struct prepare *p, struct extent piece, bool is_free, struct err *e);

static bool block_is_free(const struct redo_change *change, uint64_t start, uint64_t end)
{
    struct extent block = {start, end - start < REDO_BLOCK ? end - start : REDO_BLOCK};

    return change->is_free != NULL && change->is_free(change->arg, block);
}

static int walk_change(struct prepare *p, struct extent range, piece_fn *piece_do, struct err *e)
{
    uint64_t end = extent_end(&range);

    for (uint64_t at = range.start; at < end;) {
        bool is_free = block_is_free(p->change, at, end);
        uint64_t stop = at;

        do
            stop = end - stop < REDO_BLOCK ? end : stop + REDO_BLOCK;
        while (stop < end && stop - at < REDO_RUN_MOST &&
               block_is_free(p->change, stop, end) == is_free);
        if (piece_do(p, (struct extent){at, stop - at}, is_free, e) < 0)
            return -1;
        at = stop;
    }
    return 0;
}

/* Calls piece_do for everything that the overlay changes, in order, each block once. */
static int walk(struct prepare *p, piece_fn *piece_do, struct err *e)
{
    struct blockdev *overlay = p->change->overlay;
    uint64_t done = 0;

    while (done < overlay->bytes) {
        struct extent range;
        uint64_t start, end;

        if (p->change->next_change(overlay, done, &range, e) < 0)
            return -1;
        if (range.bytes == 0)
            break;
        start = round_down(range.start, REDO_BLOCK);
        end = round_up(extent_end(&range), REDO_BLOCK);
        start = start > done ? start : done;
        end = end < overlay->bytes ? end : overlay->bytes;
        if (walk_change(p, (struct extent){start, end - start}, piece_do, e) < 0)
            return -1;
        done = end;
    }
    return 0;
}

/* A journal that the change itself overwrites would be none. */
static int check_apart(const struct redo_change *change, struct extent piece, struct err *e)
{
    struct extent on_disk = {change->at + piece.start, piece.bytes};

    for (size_t i = 0; change->journal == change->disk && i < change->n_room; i++)
        if (extent_overlaps(&on_disk, &change->room[i]))
            return err_set(e, ERR_FAILED,
                           "%s: the change at %llu touches the room of its journal at %llu",
                           change->disk->name, (unsigned long long)on_disk.start,
                           (unsigned long long)change->room[i].start);
    return 0;
}

/* Adds the block to the last entry, where it continues that one, else to a new one. The head is an
 * entry of its own. */
static int add_block(struct prepare *p, enum redo_kind kind, uint64_t to, uint64_t bytes,
                     struct err *e)
{
    struct redo_entry *last = p->n == 0 ? NULL : &p->entries[p->n - 1];

    p->bytes += kind == REDO_DATA ? REDO_BLOCK : 0;
    if (last != NULL && last->kind == kind && last->to + last->bytes == to &&
        last->to != p->change->head && to != p->change->head &&
        (kind == REDO_ZEROS || last->bytes + bytes <= REDO_RUN_MOST)) {
        last->bytes += bytes;
        return 0;
    }
    if (p->n >= REDO_ENTRIES_MAX)
        return err_set(e, ERR_NO_SPACE, "%s: the change has more than %llu pieces",
                       p->change->disk->name, (unsigned long long)REDO_ENTRIES_MAX);
    if (p->n == p->room) {
        size_t room = p->room == 0 ? 256 : 2 * p->room;
        struct redo_entry *grown = reallocarray(p->entries, room, sizeof(*grown));

        if (grown == NULL)
            return err_no_memory(e);
        p->entries = grown;
        p->room = room;
    }
    p->entries[p->n++] = (struct redo_entry){.to = to, .bytes = bytes, .kind = kind};
    return 0;
}

/* A piece_fn: lists the blocks that must go through the journal. */
static int list_piece(struct prepare *p, struct extent piece, bool is_free, struct err *e)
{
    const struct redo_change *change = p->change;
    uint64_t to = change->at + piece.start;

    if (check_apart(change, piece, e) < 0)
        return -1;
    if (is_free)
        return 0;
    if (blockdev_pread(change->overlay, p->then, piece.bytes, piece.start, e) < 0 ||
        blockdev_pread(change->disk, p->now, piece.bytes, to, e) < 0)
        return -1;
    for (uint64_t at = 0; at < piece.bytes; at += REDO_BLOCK) {
        size_t n = piece.bytes - at < REDO_BLOCK ? (size_t)(piece.bytes - at) : (size_t)REDO_BLOCK;
        enum redo_kind kind = redo_is_zeros(p->then + at, n) ? REDO_ZEROS : REDO_DATA;

        if (memcmp(p->then + at, p->now + at, n) != 0 && add_block(p, kind, to + at, n, e) < 0)
            return -1;
    }
    return 0;
}

/* A piece_fn: writes to blocks that hold nothing. */
static int write_piece(struct prepare *p, struct extent piece, bool is_free, struct err *e)
{
    const struct redo_change *change = p->change;
    uint64_t to = change->at + piece.start;

    if (!is_free)
        return 0;
    if (blockdev_pread(change->overlay, p->then, piece.bytes, piece.start, e) < 0)
        return -1;
    return redo_is_zeros(p->then, piece.bytes)
               ? blockdev_zero(change->disk, to, piece.bytes, e)
               : blockdev_pwrite(change->disk, p->then, piece.bytes, to, e);
}

/* ---- where it goes ---- */

static int align_room(struct prepare *p, struct err *e)
{
    const struct redo_change *change = p->change;

    p->ranges = calloc(change->n_room + 1, sizeof(*p->ranges));
    if (p->ranges == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < change->n_room; i++) {
        const struct extent *room = &change->room[i];
        uint64_t start = round_up(room->start, REDO_BLOCK);
        uint64_t end = round_down(extent_end(room), REDO_BLOCK);

        p->ranges[i] = (struct extent){start, end > start ? end - start : 0};
        for (size_t k = 0; k < i; k++)
            if (extent_overlaps(&p->ranges[i], &p->ranges[k]))
                return err_set(e, ERR_FAILED, "two ranges of the journal's room overlap at %llu",
                               (unsigned long long)start);
    }
    return 0;
}

/* Takes up to `bytes` from the first range that has `least`; bytes 0: none has. */
static struct extent take_room(struct prepare *p, uint64_t bytes, uint64_t least)
{
    for (size_t i = 0; i < p->change->n_room; i++) {
        struct extent *range = &p->ranges[i];
        struct extent taken = {range->start, bytes < range->bytes ? bytes : range->bytes};

        if (range->bytes < least || range->bytes == 0)
            continue;
        range->start += taken.bytes;
        range->bytes -= taken.bytes;
        return taken;
    }
    return (struct extent){0, 0};
}

/* The index's place, with entries for the runs that the end of a range of room splits. */
static int take_index(struct prepare *p, struct redo *redo, struct err *e)
{
    uint64_t have = 0;
    uint64_t most =
        round_up(sizeof(struct redo_index) + (p->n + p->change->n_room) * sizeof(struct redo_entry),
                 REDO_BLOCK);

    for (size_t i = 0; i < p->change->n_room; i++)
        have += p->ranges[i].bytes;
    redo->index = take_room(p, most, most);
    if (redo->index.bytes != 0 && have - most >= p->bytes)
        return 0;
    return err_set(e, ERR_NO_SPACE, "the journal takes %llu bytes, and there is room for %llu",
                   (unsigned long long)(p->bytes + most), (unsigned long long)have);
}

/* ---- writing the journal ---- */

/* Copies the run into the journal, and its entries, one for each range it goes to, behind *end. */
static int journal_run(struct prepare *p, const struct redo_entry *run, struct redo_entry **end,
                       struct err *e)
{
    const struct redo_change *change = p->change;

    if (run->kind == REDO_ZEROS) {
        struct redo_entry *zeros = (*end)++;

        *zeros = *run;
        return redo_crc_on(change->disk, run->to, run->bytes, p->now, &zeros->before, e) < 0
                   ? -1
                   : redo_crc_on(NULL, 0, run->bytes, p->now, &zeros->crc, e);
    }
    for (uint64_t done = 0; done < run->bytes;) {
        uint64_t left = run->bytes - done, to = run->to + done;
        struct extent place = take_room(p, round_up(left, REDO_BLOCK), REDO_BLOCK);
        size_t n = (size_t)(left < place.bytes ? left : place.bytes);

        if (blockdev_pread(change->overlay, p->then, n, to - change->at, e) < 0 ||
            blockdev_pwrite(change->journal, p->then, n, place.start, e) < 0)
            return -1;
        **end = (struct redo_entry){to, place.start, n, redo_crc(p->then, n), 0, REDO_DATA, 0};
        if (redo_crc_on(change->disk, to, n, p->now, &(*end)++->before, e) < 0)
            return -1;
        done += n;
    }
    return 0;
}

static int write_journal(struct prepare *p, struct redo *redo, struct err *e)
{
    _cleanup_free_ struct redo_index *index = calloc(1, redo->index.bytes);
    struct redo_entry *entries, *end;

    if (index == NULL)
        return err_no_memory(e);
    entries = end = (struct redo_entry *)(index + 1);
    for (size_t i = 0; i < p->n; i++)
        if (journal_run(p, &p->entries[i], &end, e) < 0)
            return -1;
    memcpy(index->magic, REDO_MAGIC, sizeof(index->magic));
    index->n = (uint64_t)(end - entries);
    if (blockdev_pwrite(p->change->journal, index, redo->index.bytes, redo->index.start, e) < 0)
        return -1;
    redo->index.bytes = sizeof(*index) + index->n * sizeof(*entries);
    redo->crc = redo_crc(index, redo->index.bytes);
    return blockdev_flush(p->change->journal, e);
}

/* What goes where; writes nothing. */
static int plan(struct prepare *p, struct redo *redo, struct err *e)
{
    p->now = redo_buffer(e);
    p->then = p->now == NULL ? NULL : redo_buffer(e);
    if (p->then == NULL || align_room(p, e) < 0 || walk(p, list_piece, e) < 0)
        return -1;
    return p->n > 0 ? take_index(p, redo, e) : 0;
}

static int prepare(struct prepare *p, struct redo *redo, struct err *e)
{
    if (plan(p, redo, e) < 0)
        return -1;
    if (walk(p, write_piece, e) < 0 || (p->n > 0 && write_journal(p, redo, e) < 0))
        return -1;
    return blockdev_flush(p->change->disk, e);
}

typedef int prepare_fn(struct prepare *p, struct redo *redo, struct err *e);

static int with_buffers(const struct redo_change *change, prepare_fn *prepare_do, struct redo *redo,
                        struct err *e)
{
    struct prepare p = {.change = change};
    int result;

    *redo = (struct redo){0};
    result = prepare_do(&p, redo, e);
    free(p.now);
    free(p.then);
    free(p.entries);
    free(p.ranges);
    return result < 0 ? err_wrap(e, "the journal of the change") : 0;
}

int redo_prepare(const struct redo_change *change, struct redo *redo, struct err *e)
{
    return with_buffers(change, prepare, redo, e);
}

int redo_check(const struct redo_change *change, struct err *e)
{
    struct redo redo;

    return with_buffers(change, plan, &redo, e);
}
