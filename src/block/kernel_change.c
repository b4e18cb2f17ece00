// SPDX-License-Identifier: GPL-3.0-or-later
/* kernel_change.c: the difference between two lists of partitions. Pure, no I/O. */
#include "block/kernel_change.h"

#include <stdlib.h>

#define EXTENDED_LEAST 1024 /* bytes that the kernel shows of an extended partition */
#define PRIMARIES      4

struct changes {
    struct kernel_change *list;
    size_t n;
};

static uint64_t extended_bytes(unsigned sector)
{
    return sector > EXTENDED_LEAST ? sector : EXTENDED_LEAST;
}

bool kernel_shows_extended(const struct kernel_partition *partition, unsigned sector)
{
    return partition->number <= PRIMARIES && partition->range.bytes <= extended_bytes(sector);
}

/* The range that the kernel should show; no bytes when it should show none. */
static struct extent shown_range(const struct disk_partition *partition,
                                 const struct disk_partition *wanted, size_t n, unsigned sector)
{
    struct extent range = partition->range;

    if (!partition->extended)
        return range;
    if (range.bytes > extended_bytes(sector))
        range.bytes = extended_bytes(sector);
    for (size_t i = 0; i < n; i++)
        if (!wanted[i].extended && extent_overlaps(&wanted[i].range, &range))
            range.bytes = 0;
    return range;
}

static const struct disk_partition *by_number(const struct disk_partition *list, size_t n,
                                              unsigned number)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].number == number && list[i].range.bytes > 0)
            return &list[i];
    return NULL;
}

static const struct disk_partition *by_range(const struct disk_partition *list, size_t n,
                                             const struct extent *range)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].range.start == range->start && list[i].range.bytes == range->bytes)
            return &list[i];
    return NULL;
}

/* What happens to a partition that the kernel has. */
static void change_old(const struct kernel_partition *old, const struct disk_partition *shown,
                       size_t n, struct changes *changes)
{
    const struct disk_partition *same = by_number(shown, n, old->number);
    struct kernel_change *c = &changes->list[changes->n];

    c->old = old;
    if (same == NULL || same->range.start != old->range.start) {
        const struct disk_partition *renumbered = by_range(shown, n, &old->range);

        c->op = KERNEL_DELETE;
        if (renumbered != NULL)
            c->partition = *renumbered;
    } else if (same->range.bytes != old->range.bytes) {
        c->op = same->range.bytes < old->range.bytes ? KERNEL_SHRINK : KERNEL_GROW;
        c->partition = *same;
    } else {
        return;
    }
    changes->n++;
}

static void change_new(const struct disk_partition *wanted, const struct kernel_partition *now,
                       size_t n_now, struct changes *changes)
{
    for (size_t i = 0; i < n_now; i++)
        if (now[i].number == wanted->number && now[i].range.start == wanted->range.start)
            return;
    if (wanted->range.bytes > 0)
        changes->list[changes->n++] = (struct kernel_change){KERNEL_ADD, NULL, *wanted};
}

static int by_op(const void *a, const void *b)
{
    const struct kernel_change *x = a, *y = b;

    if (x->op != y->op)
        return x->op < y->op ? -1 : 1;
    return (x->partition.number > y->partition.number) -
           (x->partition.number < y->partition.number);
}

int kernel_changes(const struct kernel_partition *now, size_t n_now,
                   const struct disk_partition *wanted, size_t n_wanted, unsigned sector,
                   struct kernel_change **changes, size_t *n, struct err *e)
{
    struct disk_partition *shown = calloc(n_wanted + 1, sizeof(*shown));
    struct changes found = {calloc(n_now + n_wanted + 1, sizeof(*found.list)), 0};

    *changes = found.list;
    *n = 0;
    if (shown == NULL || found.list == NULL) {
        free(shown);
        return err_no_memory(e);
    }
    for (size_t i = 0; i < n_wanted; i++) {
        shown[i] = wanted[i];
        shown[i].range = shown_range(&wanted[i], wanted, n_wanted, sector);
    }
    for (size_t i = 0; i < n_now; i++)
        change_old(&now[i], shown, n_wanted, &found);
    for (size_t i = 0; i < n_wanted; i++)
        change_new(&shown[i], now, n_now, &found);
    qsort(found.list, found.n, sizeof(*found.list), by_op);
    *n = found.n;
    free(shown);
    return 0;
}
