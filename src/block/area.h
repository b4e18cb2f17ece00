// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * area.h: a piece of a disk's free space in which berth keeps what belongs to the disk: the log,
 * what undo needs, and the journal of work that is under way.
 *
 * It ends with two heads of 4096 bytes. Each names a document (any bytes, with a CRC); the head
 * with the higher sequence and a good CRC counts, and a new document always goes where the other
 * one is not, is flushed, and then gets its head: so a power cut leaves the old or the new one.
 * What is left of the area, in front, is the journal's.
 *
 * A head also says where its area lies: one that was copied elsewhere is not believed. When a
 * partition took the front of the place, the area goes on with a shorter journal.
 */
#ifndef BERTH_BLOCK_AREA_H
#define BERTH_BLOCK_AREA_H

#include "block/blockdev.h"

#define AREA_LEAST (UINT64_C(256) << 10) /* bytes; below, a place is not used */
#define AREA_MOST  (UINT64_C(16) << 20)  /* bytes; of a larger place, the end is used */

struct area {
    struct blockdev *bd;
    struct extent range;   /* on the disk */
    struct extent journal; /* the part that documents never use */
    uint64_t slot;         /* bytes of the largest document */
    uint64_t sequence;     /* of the head that counts; 0: nothing was written yet */
    void *document;        /* of the head that counts, NULL when there is none */
    size_t bytes;          /* of the document */
    bool damaged;          /* its document is no longer what was written; it is left out */
};

/* Reads the area that ends where one of the places ends, of several the one with the highest
 * sequence; 1 when there is one, 0 when there is none. Places may have any alignment. */
int area_find(struct blockdev *bd, const struct extent *places, size_t n, struct area *area,
              struct err *e);

/* The area that area_find finds, or a new one at the end of the first place that is large enough
 * and holds zeros only there. Writes nothing. ERR_NO_SPACE when there is none. */
int area_choose(struct blockdev *bd, const struct extent *places, size_t n, struct area *area,
                struct err *e);

/* Makes the document the one that counts, flushed. ERR_NO_SPACE when it is too large, ERR_IN_USE
 * when another one was written since the area was read. */
int area_write(struct area *area, const void *document, size_t bytes, struct err *e);

/* The same for a document that says more of the same: the counter goes on with it. */
int area_rewrite(struct area *area, const void *document, size_t bytes, struct err *e);

/* A counter beside the document, for what changes often: written to one of two blocks, flushed.
 * It belongs to the current document, which there must be: area_write sets it to 0. */
int area_count(struct area *area, uint64_t value, struct err *e);
int area_counter(struct area *area, uint64_t *value, struct err *e);

/* area_left.c: whether the byte `at` is what an area has left there: 1 when it is, and *behind is
 * where that area ends, or `end`, which bounds what is read. At most AREA_MOST bytes are. */
int area_left(struct blockdev *bd, uint64_t at, uint64_t end, uint64_t *behind, struct err *e);

void area_clear(struct area *area);

#define _cleanup_area_ __attribute__((cleanup(area_clear)))

#endif
