// SPDX-License-Identifier: GPL-3.0-or-later
/* extent.c: lists of ranges, and what is left of a range without others. Pure. */
#include "model/extent.h"

#include <stdlib.h>

static int by_start(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

int extent_subtract(struct extent whole, struct extent *taken, size_t n_taken,
                    struct extent **pieces, size_t *n, struct err *e)
{
    uint64_t at = whole.start, end = extent_end(&whole);

    *n = 0;
    *pieces = calloc(n_taken + 1, sizeof(**pieces));
    if (*pieces == NULL)
        return err_no_memory(e);
    if (n_taken > 0)
        qsort(taken, n_taken, sizeof(*taken), by_start);
    for (size_t i = 0; i <= n_taken && at < end; i++) {
        uint64_t next = i < n_taken && taken[i].start < end ? taken[i].start : end;

        if (next > at)
            (*pieces)[(*n)++] = (struct extent){at, next - at};
        if (i < n_taken && extent_end(&taken[i]) > at)
            at = extent_end(&taken[i]);
    }
    return 0;
}

int extents_add(struct extents *to, struct extent range, struct err *e)
{
    struct extent *grown = reallocarray(to->list, to->n + 1, sizeof(*grown));

    if (grown == NULL)
        return err_no_memory(e);
    to->list = grown;
    grown[to->n++] = range;
    return 0;
}

bool extents_overlap(const struct extents *list, const struct extent *range)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->list[i].bytes > 0 && extent_overlaps(&list->list[i], range))
            return true;
    return false;
}
