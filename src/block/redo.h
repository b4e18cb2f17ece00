// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * redo.h: brings an overlay's changes to the disk below it, so that a power cut leaves the old
 * content or one that redo_apply makes the new content.
 *
 * First redo_prepare: blocks that held nothing are written to their places at once, the new content
 * of all others into the journal, with an index; all flushed. Then the caller makes the returned
 * struct redo durable (block/area.h): from then on the change counts. Then redo_apply copies from
 * the journal to the places, any number of times; at last the caller forgets the struct redo.
 *
 * Blocks are 4096 bytes. What the overlay wrote without changing it is left out, and zeros take
 * no room.
 */
#ifndef BERTH_BLOCK_REDO_H
#define BERTH_BLOCK_REDO_H

#include "block/blockdev.h"

/* Where the index of a prepared change is; plain data, to be kept in a document. */
struct redo {
    struct extent index; /* in the journal's device, bytes */
    uint32_t crc;        /* of the index */
};

/* Which ranges of the overlay's device hold nothing now: they may be written without a journal. */
typedef bool redo_is_free_fn(void *arg, struct extent range);

struct redo_change {
    struct blockdev *disk;    /* what is changed */
    uint64_t at;              /* where on it the overlay's device begins, bytes */
    struct blockdev *overlay; /* the new content */
    /* The overlay's next range at or behind offset that was written to; bytes 0: none. */
    int (*next_change)(struct blockdev *overlay, uint64_t offset, struct extent *change,
                       struct err *e);
    redo_is_free_fn *is_free; /* NULL: nothing is free */
    void *arg;
    struct blockdev *journal;  /* where the journal goes; may be the disk */
    const struct extent *room; /* ranges of `journal` that it may use, apart from each other */
    size_t n_room;
    uint64_t head; /* as redo_apply's */
};

/* Prepares the change; redo->index.bytes is 0 when all of it could be written at once. ERR_NO_SPACE
 * when the room is too small: says how much there is and how much it takes; nothing was written
 * then. ERR_FAILED when the change touches the room. */
int redo_prepare(const struct redo_change *change, struct redo *redo, struct err *e);

/* Whether the journal has room for the change: ERR_NO_SPACE as redo_prepare. Writes nothing. */
int redo_check(const struct redo_change *change, struct err *e);

/* Writes everything to its place and flushes. `head`: where on the disk the filesystem begins,
 * bytes. Its first REDO_HEAD bytes, by which it is recognised, are zeros while it is half the old
 * and half the new one: so nothing mounts it then, whatever starts. REDO_NO_HEAD: there is none.
 * ERR_VERIFY before the first byte is written when the journal is damaged: it is read through; or,
 * where there is a head, when what it overwrites is neither the old nor the new content. */
#define REDO_HEAD    4096
#define REDO_NO_HEAD UINT64_MAX
int redo_apply(struct blockdev *disk, struct blockdev *journal, const struct redo *redo,
               uint64_t head, struct err *e);

#endif
