// SPDX-License-Identifier: GPL-3.0-or-later
/* layout.c: places partitions into gaps. */
#include "partition/layout.h"
#include "core/cleanup.h"

#include <string.h>

static int by_start(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* The aligned part of [start, end); 0 bytes when there is none. */
static struct extent aligned(uint64_t start, uint64_t end)
{
    struct extent gap = {round_up(start, LAYOUT_ALIGNMENT), 0};

    end = round_down(end, LAYOUT_ALIGNMENT);
    if (end > gap.start)
        gap.bytes = end - gap.start;
    return gap;
}

int layout_gaps(struct extent usable, const struct extent *taken, size_t n_taken,
                struct extent **gaps, size_t *n, struct err *e)
{
    _cleanup_free_ struct extent *sorted = calloc(n_taken + 1, sizeof(*sorted));
    struct extent *found = calloc(n_taken + 1, sizeof(*found));
    uint64_t at = usable.start;

    *n = 0;
    if (sorted == NULL || found == NULL) {
        free(found);
        return err_no_memory(e);
    }
    if (n_taken > 0) {
        memcpy(sorted, taken, n_taken * sizeof(*taken));
        qsort(sorted, n_taken, sizeof(*sorted), by_start);
    }
    sorted[n_taken] = (struct extent){extent_end(&usable), 0};
    for (size_t i = 0; i <= n_taken; i++) {
        struct extent gap = aligned(at, sorted[i].start);

        if (gap.bytes > 0)
            found[(*n)++] = gap;
        if (extent_end(&sorted[i]) > at)
            at = extent_end(&sorted[i]);
    }
    *gaps = found;
    return 0;
}

/* Bytes of a request that is not "rest". */
static uint64_t fixed_bytes(const struct layout_request *request, struct extent usable)
{
    unsigned __int128 share;

    if (request->size.kind == SIZE_BYTES)
        return round_up(request->size.value, LAYOUT_ALIGNMENT);
    share = (unsigned __int128)usable.bytes * request->size.value / 10000;
    return round_down((uint64_t)share, LAYOUT_ALIGNMENT);
}

static size_t largest(const struct extent *gaps, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (gaps[i].bytes > gaps[best].bytes)
            best = i;
    return best;
}

static int no_room(const char *name, uint64_t wanted, uint64_t free_bytes, struct err *e)
{
    char need[SIZE_TEXT], have[SIZE_TEXT], lack[SIZE_TEXT], would[SIZE_TEXT];

    err_set(e, ERR_NO_SPACE, "%s needs %s and the largest free range has %s: %s too little", name,
            size_exact(wanted, need, sizeof(need)), size_exact(free_bytes, have, sizeof(have)),
            size_exact(wanted - free_bytes, lack, sizeof(lack)));
    if (free_bytes > 0)
        return err_hint(e, "%s would fit, or a disk that is %s larger",
                        size_exact(free_bytes, would, sizeof(would)), lack);
    return err_hint(e, "take a disk that is at least %s larger", lack);
}

static int place_first_fit(struct extent *gaps, size_t n, struct layout_request *request,
                           uint64_t bytes, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (gaps[i].bytes >= bytes) {
            request->placed = (struct extent){gaps[i].start, bytes};
            gaps[i].start += bytes;
            gaps[i].bytes -= bytes;
            return 0;
        }
    }
    return no_room(request->name, bytes, n == 0 ? 0 : gaps[largest(gaps, n)].bytes, e);
}

static int check_least(const struct layout_request *request, uint64_t bytes, struct err *e)
{
    char need[SIZE_TEXT], have[SIZE_TEXT];

    if (bytes >= request->least && bytes > 0)
        return 0;
    err_set(e, ERR_NO_SPACE, "%s gets %s and needs at least %s", request->name,
            size_exact(bytes, have, sizeof(have)), size_exact(request->least, need, sizeof(need)));
    return err_hint(e, "give it %s or more, or take a larger disk", need);
}

static struct layout_request *find_rest(struct layout_request *requests, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (requests[i].size.kind == SIZE_REST)
            return &requests[i];
    return NULL;
}

/* The bytes of "rest" when all requests share the largest gap; 0 when the others do not fit in it.
 */
static uint64_t rest_in_one_gap(const struct extent *gap, struct extent usable,
                                const struct layout_request *requests, size_t n)
{
    uint64_t others = 0;

    for (size_t i = 0; i < n; i++)
        if (requests[i].size.kind != SIZE_REST)
            others += fixed_bytes(&requests[i], usable);
    return others < gap->bytes ? gap->bytes - others : 0;
}

static int place_all(struct extent usable, struct extent *gaps, size_t n_gaps,
                     struct layout_request *requests, size_t n, struct err *e)
{
    struct layout_request *rest = find_rest(requests, n);
    size_t best = largest(gaps, n_gaps);
    uint64_t remainder = 0;

    if (rest != NULL && n_gaps > 0)
        remainder = rest_in_one_gap(&gaps[best], usable, requests, n);
    if (remainder > 0) { /* in the order given, all in that gap */
        gaps = &gaps[best];
        n_gaps = 1;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = &requests[i] == rest ? remainder : fixed_bytes(&requests[i], usable);

        if (&requests[i] == rest && remainder == 0)
            continue;
        if (check_least(&requests[i], bytes, e) < 0 ||
            place_first_fit(gaps, n_gaps, &requests[i], bytes, e) < 0)
            return -1;
    }
    if (rest == NULL || remainder > 0)
        return 0;
    remainder = n_gaps == 0 ? 0 : gaps[largest(gaps, n_gaps)].bytes;
    return check_least(rest, remainder, e) < 0 ? -1
                                               : place_first_fit(gaps, n_gaps, rest, remainder, e);
}

int layout_compute(struct extent usable, const struct extent *taken, size_t n_taken,
                   struct layout_request *requests, size_t n, struct err *e)
{
    _cleanup_free_ struct extent *gaps = NULL;
    size_t n_gaps;

    if (layout_gaps(usable, taken, n_taken, &gaps, &n_gaps, e) < 0)
        return -1;
    return place_all(usable, gaps, n_gaps, requests, n, e);
}
