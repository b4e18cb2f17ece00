// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * layout.h: turns sizes into byte extents. Pure, no I/O. Extents never overlap, lie in the usable
 * range and start and end on multiples of the alignment.
 */
#ifndef BERTH_PARTITION_LAYOUT_H
#define BERTH_PARTITION_LAYOUT_H

#include "core/err.h"
#include "core/size.h"
#include "model/extent.h"

#include <stddef.h>

#define LAYOUT_ALIGNMENT MIB

struct layout_request {
    const char *name; /* for messages */
    struct size size;
    uint64_t least;       /* bytes it needs at least (0: whatever it gets) */
    struct extent placed; /* the result */
};

/*
 * Places every request among what is taken, in the order given: each in the first gap that is large
 * enough. A percentage is of the usable range. "rest" gets what the others leave of the largest
 * gap; when all fit into one gap it keeps its place in the order there. ERR_NO_SPACE says what
 * does not fit, by how much, and what would.
 */
int layout_compute(struct extent usable, const struct extent *taken, size_t n_taken,
                   struct layout_request *requests, size_t n, struct err *e);

/* The free ranges between the taken ones, aligned; *gaps is new. */
int layout_gaps(struct extent usable, const struct extent *taken, size_t n_taken,
                struct extent **gaps, size_t *n, struct err *e);

#endif
