// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * redo.c: the journal's index, how a change gets into it, and from it to its places.
 *
 * The index is a header and one entry for each run of blocks, with the CRC of the run's data; its
 * own CRC is in struct redo. Entries hold places on both devices, so that data may be split over
 * several ranges of room. Memory is needed for the index and two buffers, whatever the size of the
 * change. Nothing is written before it is known that everything fits.
 */
#include "block/redo.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>
#include <zlib.h>

#define BLOCK       UINT64_C(4096)
#define RUN_MOST    (1 * MIB) /* bytes of data in one entry, and of a buffer */
#define ENTRIES_MAX (UINT64_C(1) << 21)
#define MAGIC       "berthRDO"

enum entry_kind { ENTRY_DATA = 1, ENTRY_ZEROS = 2 };

struct entry {
    uint64_t to;    /* on the disk */
    uint64_t from;  /* in the journal's device; 0 for zeros */
    uint64_t bytes; /* at most RUN_MOST, but for zeros */
    uint32_t crc;   /* of the data; 0 for zeros */
    uint32_t kind;
};

struct index_header {
    char magic[8];
    uint64_t n; /* entries that follow */
    uint64_t unused[2];
};

static uint32_t crc_of(const void *data, size_t n)
{
    return (uint32_t)crc32_z(0, data, n);
}

static void *new_buffer(struct err *e)
{
    void *buf = NULL;

    if (posix_memalign(&buf, BLOCK, RUN_MOST) == 0)
        return buf;
    err_no_memory(e);
    return NULL;
}

static bool is_zeros(const char *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* ---- preparing: what is to be done ---- */

struct prepare {
    const struct redo_change *change;
    char *now, *then;      /* buffers: what the disk holds, what it shall hold */
    struct entry *entries; /* in order; `from` and `crc` come last */
    size_t n, room;        /* entries, and what there is memory for */
    uint64_t bytes;        /* of data in them, in whole blocks */
    struct extent *ranges; /* of the journal's device that are still unused, aligned */
};

/* Part of a change: at most RUN_MOST bytes, all of it free or nothing. Places are the overlay's. */
typedef int piece_fn(struct prepare *p, struct extent piece, bool is_free, struct err *e);

static bool block_is_free(const struct redo_change *change, uint64_t start, uint64_t end)
{
    struct extent block = {start, end - start < BLOCK ? end - start : BLOCK};

    return change->is_free != NULL && change->is_free(change->arg, block);
}

static int walk_change(struct prepare *p, struct extent range, piece_fn *piece_do, struct err *e)
{
    uint64_t end = extent_end(&range);

    for (uint64_t at = range.start; at < end;) {
        bool is_free = block_is_free(p->change, at, end);
        uint64_t stop = at;

        do
            stop = end - stop < BLOCK ? end : stop + BLOCK;
        while (stop < end && stop - at < RUN_MOST &&
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
        start = round_down(range.start, BLOCK);
        end = round_up(extent_end(&range), BLOCK);
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

/* Adds the block to the last entry, where it continues that one, else to a new one. */
static int add_block(struct prepare *p, enum entry_kind kind, uint64_t to, uint64_t bytes,
                     struct err *e)
{
    struct entry *last = p->n == 0 ? NULL : &p->entries[p->n - 1];

    p->bytes += kind == ENTRY_DATA ? BLOCK : 0;
    if (last != NULL && last->kind == kind && last->to + last->bytes == to &&
        (kind == ENTRY_ZEROS || last->bytes + bytes <= RUN_MOST)) {
        last->bytes += bytes;
        return 0;
    }
    if (p->n >= ENTRIES_MAX)
        return err_set(e, ERR_NO_SPACE, "%s: the change has more than %llu pieces",
                       p->change->disk->name, (unsigned long long)ENTRIES_MAX);
    if (p->n == p->room) {
        size_t room = p->room == 0 ? 256 : 2 * p->room;
        struct entry *grown = reallocarray(p->entries, room, sizeof(*grown));

        if (grown == NULL)
            return err_no_memory(e);
        p->entries = grown;
        p->room = room;
    }
    p->entries[p->n++] = (struct entry){.to = to, .bytes = bytes, .kind = kind};
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
    for (uint64_t at = 0; at < piece.bytes; at += BLOCK) {
        size_t n = piece.bytes - at < BLOCK ? (size_t)(piece.bytes - at) : (size_t)BLOCK;
        enum entry_kind kind = is_zeros(p->then + at, n) ? ENTRY_ZEROS : ENTRY_DATA;

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
    return is_zeros(p->then, piece.bytes)
               ? blockdev_zero(change->disk, to, piece.bytes, e)
               : blockdev_pwrite(change->disk, p->then, piece.bytes, to, e);
}

/* ---- preparing: where it goes ---- */

static int align_room(struct prepare *p, struct err *e)
{
    const struct redo_change *change = p->change;

    p->ranges = calloc(change->n_room + 1, sizeof(*p->ranges));
    if (p->ranges == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < change->n_room; i++) {
        const struct extent *room = &change->room[i];
        uint64_t start = round_up(room->start, BLOCK);
        uint64_t end = round_down(extent_end(room), BLOCK);

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
    uint64_t most = round_up(
        sizeof(struct index_header) + (p->n + p->change->n_room) * sizeof(struct entry), BLOCK);

    for (size_t i = 0; i < p->change->n_room; i++)
        have += p->ranges[i].bytes;
    redo->index = take_room(p, most, most);
    if (redo->index.bytes != 0 && have - most >= p->bytes)
        return 0;
    return err_set(e, ERR_NO_SPACE, "the journal takes %llu bytes, and there is room for %llu",
                   (unsigned long long)(p->bytes + most), (unsigned long long)have);
}

/* ---- preparing: writing the journal ---- */

/* Copies the run into the journal, and its entries, one for each range it goes to, behind *end. */
static int journal_run(struct prepare *p, const struct entry *run, struct entry **end,
                       struct err *e)
{
    const struct redo_change *change = p->change;

    if (run->kind == ENTRY_ZEROS) {
        *(*end)++ = *run;
        return 0;
    }
    for (uint64_t done = 0; done < run->bytes;) {
        uint64_t left = run->bytes - done, to = run->to + done;
        struct extent place = take_room(p, round_up(left, BLOCK), BLOCK);
        size_t n = (size_t)(left < place.bytes ? left : place.bytes);

        if (blockdev_pread(change->overlay, p->then, n, to - change->at, e) < 0 ||
            blockdev_pwrite(change->journal, p->then, n, place.start, e) < 0)
            return -1;
        *(*end)++ = (struct entry){to, place.start, n, crc_of(p->then, n), ENTRY_DATA};
        done += n;
    }
    return 0;
}

static int write_journal(struct prepare *p, struct redo *redo, struct err *e)
{
    _cleanup_free_ struct index_header *index = calloc(1, redo->index.bytes);
    struct entry *entries, *end;

    if (index == NULL)
        return err_no_memory(e);
    entries = end = (struct entry *)(index + 1);
    for (size_t i = 0; i < p->n; i++)
        if (journal_run(p, &p->entries[i], &end, e) < 0)
            return -1;
    memcpy(index->magic, MAGIC, sizeof(index->magic));
    index->n = (uint64_t)(end - entries);
    if (blockdev_pwrite(p->change->journal, index, redo->index.bytes, redo->index.start, e) < 0)
        return -1;
    redo->index.bytes = sizeof(*index) + index->n * sizeof(*entries);
    redo->crc = crc_of(index, redo->index.bytes);
    return blockdev_flush(p->change->journal, e);
}

static int prepare(struct prepare *p, struct redo *redo, struct err *e)
{
    p->now = new_buffer(e);
    p->then = p->now == NULL ? NULL : new_buffer(e);
    if (p->then == NULL || align_room(p, e) < 0 || walk(p, list_piece, e) < 0)
        return -1;
    if (p->n > 0 && take_index(p, redo, e) < 0)
        return -1;
    if (walk(p, write_piece, e) < 0 || (p->n > 0 && write_journal(p, redo, e) < 0))
        return -1;
    return blockdev_flush(p->change->disk, e);
}

int redo_prepare(const struct redo_change *change, struct redo *redo, struct err *e)
{
    struct prepare p = {.change = change};
    int result;

    *redo = (struct redo){0};
    result = prepare(&p, redo, e);
    free(p.now);
    free(p.then);
    free(p.entries);
    free(p.ranges);
    return result < 0 ? err_wrap(e, "the journal of the change") : 0;
}

/* ---- applying ---- */

static int damaged(struct err *e)
{
    return err_set(e, ERR_VERIFY, "what was written to it is damaged");
}

static bool lies_on(const struct blockdev *bd, uint64_t start, uint64_t bytes)
{
    return start <= bd->bytes && bytes <= bd->bytes - start;
}

static bool entry_is_sane(const struct entry *entry, const struct blockdev *disk,
                          const struct blockdev *journal)
{
    if (entry->bytes == 0 || !lies_on(disk, entry->to, entry->bytes))
        return false;
    if (entry->kind == ENTRY_ZEROS)
        return true;
    return entry->kind == ENTRY_DATA && entry->bytes <= RUN_MOST &&
           lies_on(journal, entry->from, entry->bytes);
}

/* A new copy of the index, every number of it checked; NULL with the err filled. */
static struct index_header *read_index(struct blockdev *disk, struct blockdev *journal,
                                       const struct redo *redo, struct err *e)
{
    _cleanup_free_ struct index_header *index = NULL;
    size_t n = (size_t)redo->index.bytes;
    const struct entry *entries;

    if (n < sizeof(*index) || n > ENTRIES_MAX * sizeof(*entries) ||
        !lies_on(journal, redo->index.start, n)) {
        damaged(e);
        return NULL;
    }
    index = malloc(n);
    if (index == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (blockdev_pread(journal, index, n, redo->index.start, e) < 0)
        return NULL;
    if (crc_of(index, n) != redo->crc || memcmp(index->magic, MAGIC, sizeof(index->magic)) != 0 ||
        index->n != (n - sizeof(*index)) / sizeof(*entries)) {
        damaged(e);
        return NULL;
    }
    entries = (const struct entry *)(index + 1);
    for (uint64_t i = 0; i < index->n; i++)
        if (!entry_is_sane(&entries[i], disk, journal)) {
            damaged(e);
            return NULL;
        }
    return steal(index);
}

static int verify_entry(struct blockdev *journal, const struct entry *entry, char *buf,
                        struct err *e)
{
    if (entry->kind == ENTRY_ZEROS)
        return 0;
    if (blockdev_pread(journal, buf, entry->bytes, entry->from, e) < 0)
        return -1;
    return crc_of(buf, entry->bytes) == entry->crc ? 0 : damaged(e);
}

static int apply_entry(struct blockdev *disk, struct blockdev *journal, const struct entry *entry,
                       char *buf, struct err *e)
{
    if (entry->kind == ENTRY_ZEROS)
        return blockdev_zero(disk, entry->to, entry->bytes, e);
    if (blockdev_pread(journal, buf, entry->bytes, entry->from, e) < 0)
        return -1;
    return blockdev_pwrite(disk, buf, entry->bytes, entry->to, e);
}

static bool has_head(const struct entry *entry, uint64_t head)
{
    return entry->kind != ENTRY_ZEROS && entry->to <= head && head < entry->to + entry->bytes;
}

/* The entry that has the filesystem's head, with zeros in the head's place. */
static int apply_without_head(struct blockdev *disk, struct blockdev *journal,
                              const struct entry *entry, uint64_t head, char *buf, struct err *e)
{
    if (blockdev_pread(journal, buf, entry->bytes, entry->from, e) < 0)
        return -1;
    memset(buf + (head - entry->to), 0, REDO_HEAD);
    return blockdev_pwrite(disk, buf, entry->bytes, entry->to, e);
}

/* Everything but the head, which is zeros from before the first write until after the last. */
static int apply_body(struct blockdev *disk, struct blockdev *journal, const struct entry *entries,
                      uint64_t n, uint64_t head, char *buf, struct err *e)
{
    for (uint64_t i = 0; i < n; i++)
        if (has_head(&entries[i], head)
                ? apply_without_head(disk, journal, &entries[i], head, buf, e) < 0
                : apply_entry(disk, journal, &entries[i], buf, e) < 0)
            return -1;
    return blockdev_flush(disk, e);
}

static int apply_hidden(struct blockdev *disk, struct blockdev *journal,
                        const struct entry *entries, uint64_t n, uint64_t head, char *buf,
                        struct err *e)
{
    const struct entry *with_head = NULL;

    for (uint64_t i = 0; i < n && with_head == NULL; i++)
        if (has_head(&entries[i], head))
            with_head = &entries[i];
    if (with_head == NULL)
        return apply_body(disk, journal, entries, n, head, buf, e);
    memset(buf, 0, REDO_HEAD);
    if (blockdev_pwrite(disk, buf, REDO_HEAD, head, e) < 0 || blockdev_flush(disk, e) < 0 ||
        apply_body(disk, journal, entries, n, head, buf, e) < 0 ||
        blockdev_pread(journal, buf, REDO_HEAD, with_head->from + (head - with_head->to), e) < 0 ||
        blockdev_pwrite(disk, buf, REDO_HEAD, head, e) < 0)
        return -1;
    return blockdev_flush(disk, e);
}

static int apply(struct blockdev *disk, struct blockdev *journal, const struct redo *redo,
                 uint64_t head, struct err *e)
{
    _cleanup_free_ struct index_header *index = read_index(disk, journal, redo, e);
    _cleanup_free_ char *buf = index == NULL ? NULL : new_buffer(e);
    const struct entry *entries;

    if (buf == NULL)
        return -1;
    entries = (const struct entry *)(index + 1);
    for (uint64_t i = 0; i < index->n; i++)
        if (verify_entry(journal, &entries[i], buf, e) < 0)
            return -1;
    return apply_hidden(disk, journal, entries, index->n, head, buf, e);
}

int redo_apply(struct blockdev *disk, struct blockdev *journal, const struct redo *redo,
               uint64_t head, struct err *e)
{
    if (redo->index.bytes == 0)
        return 0;
    if (apply(disk, journal, redo, head, e) < 0)
        return err_wrap(e, "the journal at %llu of %s", (unsigned long long)redo->index.start,
                        journal->name);
    return 0;
}
