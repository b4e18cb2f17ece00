// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * move.h: copies a partition's bytes to another place of the disk, ranges that overlap included, so
 * that it can go on where a power cut stopped it.
 *
 * It goes in chunks that are no longer than the distance, from the side towards which it moves: so
 * writing a chunk destroys only sources of chunks that are done. How many are done is counted
 * in the area, flushed before the next one starts. A distance shorter than a useful chunk goes
 * through the area's journal.
 */
#ifndef BERTH_PARTITION_MOVE_H
#define BERTH_PARTITION_MOVE_H

#include "block/area.h"
#include "core/ui.h"

struct move {
    uint64_t from, to; /* start, bytes, of the same device */
    uint64_t bytes;
    uint64_t chunk; /* bytes of one chunk; from move_chunk, kept where the move is kept */
};

/* The chunk for that move with that journal (0: none); 0: it cannot be done so. */
uint64_t move_chunk(const struct move *move, uint64_t journal_bytes);

/* Does what is still to be done by the area's counter. Everything is flushed at the end. */
int move_run(struct blockdev *disk, struct area *area, const struct move *move, struct ui *ui,
             struct err *e);

#endif
