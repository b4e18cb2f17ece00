// SPDX-License-Identifier: GPL-3.0-or-later
/* extent.h: a range of bytes on a disk. */
#ifndef BERTH_MODEL_EXTENT_H
#define BERTH_MODEL_EXTENT_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extent {
    uint64_t start; /* bytes */
    uint64_t bytes;
};

static inline uint64_t extent_end(const struct extent *x)
{
    return x->start + x->bytes;
}

static inline bool extent_overlaps(const struct extent *a, const struct extent *b)
{
    return a->start < extent_end(b) && b->start < extent_end(a);
}

/* The range from the first byte of both to the last. */
static inline struct extent extent_union(const struct extent *a, const struct extent *b)
{
    uint64_t start = a->start < b->start ? a->start : b->start;
    uint64_t end = extent_end(a) > extent_end(b) ? extent_end(a) : extent_end(b);

    return (struct extent){start, end - start};
}

/* Holds for an inner range whose end is past 2^64, too. */
static inline bool extent_contains(const struct extent *outer, const struct extent *inner)
{
    return outer->start <= inner->start && inner->bytes <= outer->bytes &&
           inner->start - outer->start <= outer->bytes - inner->bytes;
}

/* What of the range lies on a disk of so many bytes; no bytes when nothing does. */
static inline struct extent extent_on_disk(struct extent range, uint64_t disk_bytes)
{
    if (range.start >= disk_bytes)
        range.bytes = 0;
    else if (range.bytes > disk_bytes - range.start)
        range.bytes = disk_bytes - range.start;
    return range;
}

/* extent.c: the parts of `whole` that none of the taken ranges (which get sorted) covers, by start.
 * *pieces is new. */
int extent_subtract(struct extent whole, struct extent *taken, size_t n_taken,
                    struct extent **pieces, size_t *n, struct err *e);

/* Ranges; the list is its owner's to free. */
struct extents {
    struct extent *list;
    size_t n;
};

/* ERR_NO_MEMORY: it is as it was. */
int extents_add(struct extents *to, struct extent range, struct err *e);

bool extents_overlap(const struct extents *list, const struct extent *range);

#endif
