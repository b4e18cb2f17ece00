// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * move.c: copies chunk by chunk, each counted in the area when it is flushed.
 *
 * A chunk that is no longer than the distance is copied in one stage: what it overwrites are
 * sources of chunks that are done, never its own, so it can be repeated. A longer one takes two:
 * into the area's journal, and from there to its place. In both cases the counter is the number of
 * stages done, and only a stage whose predecessor is counted and flushed begins.
 *
 * Where both places are apart the source stays whole, and a system that was started after a power
 * cut may have mounted it, or the half of a copy: then what was counted is compared first.
 */
#include "partition/move.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

#define ALIGN        UINT64_C(4096)
#define BUFFER       (4 * MIB)
#define CHUNK_MOST   (64 * MIB)
#define CHUNK_USEFUL (256 * KIB) /* one stage, however large the journal is */
#define CHUNK_LEAST  (16 * KIB)

static uint64_t move_distance(const struct move *move)
{
    return move->from < move->to ? move->to - move->from : move->from - move->to;
}

uint64_t move_chunk(const struct move *move, uint64_t journal_bytes)
{
    uint64_t distance = move_distance(move), chunk = distance;

    /* Two stages flush twice as often. */
    if (distance < CHUNK_USEFUL && journal_bytes / 2 > distance)
        chunk = journal_bytes;
    chunk = chunk < CHUNK_MOST ? chunk : CHUNK_MOST;
    return distance == 0 || chunk < CHUNK_LEAST ? 0 : round_down(chunk, ALIGN);
}

static bool has_two_stages(const struct move *move)
{
    return move->chunk > move_distance(move);
}

static uint64_t count_chunks(const struct move *move)
{
    return move->bytes / move->chunk + (move->bytes % move->chunk != 0);
}

/* Where in the partition chunk n, in the order in which they are done, lies. Chunks keep the
 * alignment of the destination: the short one is always the last of the partition. */
static struct extent chunk_range(const struct move *move, uint64_t n)
{
    uint64_t place = move->to < move->from ? n : count_chunks(move) - 1 - n;
    uint64_t start = place * move->chunk, left = move->bytes - start;

    return (struct extent){start, left < move->chunk ? left : move->chunk};
}

/* ---- checking: the move may come from a disk ---- */

static bool lies_on(const struct blockdev *bd, uint64_t start, uint64_t bytes)
{
    return start <= bd->bytes && bytes <= bd->bytes - start;
}

static int check_move(struct blockdev *disk, const struct area *area, const struct move *move,
                      struct err *e)
{
    struct extent from = {move->from, move->bytes}, to = {move->to, move->bytes};

    if (move->chunk == 0 || move->bytes == 0 || move->from == move->to ||
        !lies_on(disk, move->from, move->bytes) || !lies_on(disk, move->to, move->bytes) ||
        (has_two_stages(move) && move->chunk > area->journal.bytes))
        return err_set(e, ERR_FAILED, "%s: %llu bytes cannot be moved from %llu to %llu in %llus",
                       disk->name, (unsigned long long)move->bytes, (unsigned long long)move->from,
                       (unsigned long long)move->to, (unsigned long long)move->chunk);
    if (area->bd == disk &&
        (extent_overlaps(&from, &area->range) || extent_overlaps(&to, &area->range)))
        return err_set(e, ERR_FAILED, "%s: the log at %llu lies where the partition moves",
                       disk->name, (unsigned long long)area->range.start);
    return 0;
}

/* ---- copying ---- */

struct copy {
    struct blockdev *from, *to;
    uint64_t from_start, to_start, bytes;
};

static int copy_data(const struct copy *copy, uint64_t at, uint64_t bytes, char *buf, struct err *e)
{
    while (bytes > 0) {
        size_t n = bytes < BUFFER ? (size_t)bytes : (size_t)BUFFER;

        if (blockdev_pread(copy->from, buf, n, copy->from_start + at, e) < 0 ||
            blockdev_pwrite(copy->to, buf, n, copy->to_start + at, e) < 0)
            return -1;
        at += n;
        bytes -= n;
    }
    return 0;
}

/* Copies and flushes; what is a hole becomes a hole. Both ranges are apart. */
static int copy_range(const struct copy *copy, char *buf, struct err *e)
{
    for (uint64_t at = 0; at < copy->bytes;) {
        struct extent data;
        uint64_t start, end;

        if (blockdev_next_data(copy->from, copy->from_start + at, &data, e) < 0)
            return -1;
        start = data.bytes == 0 ? copy->bytes : data.start - copy->from_start;
        start = start < copy->bytes ? start : copy->bytes;
        end = extent_end(&data) - copy->from_start;
        end = data.bytes == 0 || end > copy->bytes ? copy->bytes : end;
        if (blockdev_zero(copy->to, copy->to_start + at, start - at, e) < 0 ||
            copy_data(copy, start, end - start, buf, e) < 0)
            return -1;
        at = end;
    }
    return blockdev_flush(copy->to, e);
}

static int run_stage(struct blockdev *disk, struct area *area, const struct move *move,
                     uint64_t stage, char *buf, struct err *e)
{
    bool two = has_two_stages(move);
    struct extent chunk = chunk_range(move, two ? stage / 2 : stage);
    struct copy copy = {disk, disk, move->from + chunk.start, move->to + chunk.start, chunk.bytes};

    if (two && stage % 2 == 0) {
        copy.to = area->bd;
        copy.to_start = area->journal.start;
    } else if (two) {
        copy.from = area->bd;
        copy.from_start = area->journal.start;
    }
    return copy_range(&copy, buf, e);
}

static bool is_apart(const struct move *move)
{
    return move_distance(move) >= move->bytes;
}

/* 1: both places of the chunk hold the same. buf has room for two buffers. */
static int is_same(struct blockdev *disk, const struct move *move, struct extent chunk, char *buf,
                   struct err *e)
{
    for (uint64_t at = chunk.start; at < extent_end(&chunk);) {
        uint64_t left = extent_end(&chunk) - at;
        size_t n = left < BUFFER ? (size_t)left : (size_t)BUFFER;

        if (blockdev_pread(disk, buf, n, move->from + at, e) < 0 ||
            blockdev_pread(disk, buf + BUFFER, n, move->to + at, e) < 0)
            return -1;
        if (memcmp(buf, buf + BUFFER, n) != 0)
            return 0;
        at += n;
    }
    return 1;
}

/* Copies again what was copied before and is no longer what the source holds. */
static int copy_again(struct blockdev *disk, struct area *area, const struct move *move,
                      uint64_t done, struct ui *ui, char *buf, struct err *e)
{
    for (uint64_t stage = 0; is_apart(move) && stage < done; stage++) {
        int same;

        if (ui_progress(ui, "comparing", stage * move->chunk, move->bytes, e) < 0)
            return -1;
        same = is_same(disk, move, chunk_range(move, stage), buf, e);
        if (same < 0 || (same == 0 && run_stage(disk, area, move, stage, buf, e) < 0))
            return -1;
    }
    return 0;
}

static uint64_t bytes_done(const struct move *move, uint64_t stages)
{
    uint64_t chunks = has_two_stages(move) ? stages / 2 : stages;

    return chunks < count_chunks(move) ? chunks * move->chunk : move->bytes;
}

static int run_stages(struct blockdev *disk, struct area *area, const struct move *move,
                      struct ui *ui, char *buf, struct err *e)
{
    uint64_t all = count_chunks(move) * (has_two_stages(move) ? 2 : 1), done;
    struct err too_late;

    if (area_counter(area, &done, e) < 0)
        return -1;
    if (done > all)
        return err_set(e, ERR_VERIFY, "%s: %llu of %llu steps of the move are done", disk->name,
                       (unsigned long long)done, (unsigned long long)all);
    if (copy_again(disk, area, move, done, ui, buf, e) < 0)
        return -1;
    for (; done < all; done++)
        if (ui_progress(ui, "moving", bytes_done(move, done), move->bytes, e) < 0 ||
            run_stage(disk, area, move, done, buf, e) < 0 || area_count(area, done + 1, e) < 0)
            return -1;
    (void)ui_progress(ui, "moving", move->bytes, move->bytes, &too_late);
    return 0;
}

int move_run(struct blockdev *disk, struct area *area, const struct move *move, struct ui *ui,
             struct err *e)
{
    _cleanup_free_ void *buf = NULL;

    if (check_move(disk, area, move, e) < 0)
        return -1;
    if (posix_memalign(&buf, ALIGN, 2 * BUFFER) != 0)
        return err_no_memory(e);
    return run_stages(disk, area, move, ui, buf, e);
}
