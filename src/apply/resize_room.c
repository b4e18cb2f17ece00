// SPDX-License-Identifier: GPL-3.0-or-later
/* resize_room.c: counts blocks. Pure. */
#include "apply/resize_room.h"
#include "block/overlay.h"
#include "core/size.h"

#define RUN_LEAST (64 * KIB) /* shorter runs of free blocks are not worth it */
#define RUN_MOST  (64 * MIB)
#define ALIGNED   4096

static bool block_is_free(const struct fs_free *f, uint64_t block)
{
    return block >= f->blocks || (f->bits[block / 8] >> (block % 8) & 1) != 0;
}

bool resize_is_free(const struct fs_free *free, struct extent range)
{
    uint64_t last;

    if (free->block == 0 || range.bytes == 0)
        return false;
    last = (extent_end(&range) - 1) / free->block;
    for (uint64_t block = range.start / free->block; block <= last; block++)
        if (!block_is_free(free, block))
            return false;
    return true;
}

static int add_room(struct resize_room *room, struct extent range, struct err *e)
{
    room->bytes += range.bytes;
    return extents_add(&room->ranges, range, e);
}

/* The part of [start, end) up to the next change; none when it is too short. */
static struct extent unchanged_part(struct blockdev *overlay, uint64_t start, uint64_t end)
{
    struct extent change;

    overlay_changed(overlay, start, &change);
    if (change.bytes != 0 && change.start < end)
        end = change.start;
    return (struct extent){start, end > start ? end - start : 0};
}

static int add_free_runs(const struct resize_place *place, struct resize_room *room,
                         uint64_t enough, struct err *e)
{
    const struct fs_free *f = place->free;
    uint64_t block = 0;

    while (block < f->blocks && room->bytes < enough) {
        uint64_t first = block;
        struct extent run;

        while (block < f->blocks && block_is_free(f, block) &&
               (block - first) * f->block < RUN_MOST)
            block++;
        if (block == first) {
            block++;
            continue;
        }
        run = unchanged_part(place->overlay, round_up(first * f->block, ALIGNED),
                             round_down(block * f->block, ALIGNED));
        run.start += place->at;
        if (run.bytes >= RUN_LEAST && add_room(room, run, e) < 0)
            return -1;
    }
    return 0;
}

static uint64_t changed_bytes(struct blockdev *overlay)
{
    struct extent change = {0, 0};
    uint64_t sum = 0;

    for (;;) {
        overlay_changed(overlay, extent_end(&change), &change);
        if (change.bytes == 0)
            return sum;
        sum += change.bytes;
    }
}

int resize_room_find(const struct resize_place *place, struct extent journal, bool own,
                     struct resize_room *room, struct err *e)
{
    uint64_t enough = changed_bytes(place->overlay) * 9 / 8 + MIB;

    if (journal.bytes > 0 && add_room(room, journal, e) < 0)
        return -1;
    if (!own || place->free->block == 0 || room->bytes >= enough)
        return 0;
    return add_free_runs(place, room, enough, e);
}
