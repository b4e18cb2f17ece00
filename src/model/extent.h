// SPDX-License-Identifier: GPL-3.0-or-later
/* extent.h: a range of bytes on a disk. */
#ifndef BERTH_MODEL_EXTENT_H
#define BERTH_MODEL_EXTENT_H

#include <stdbool.h>
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

#endif
