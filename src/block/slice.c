// SPDX-License-Identifier: GPL-3.0-or-later
/* slice.c: a range of another device as a device of its own. Keeps no state but the range. */
#include "block/blockdev.h"

#include <stdio.h>
#include <stdlib.h>

struct slice {
    struct blockdev bd;
    struct blockdev *below;
    uint64_t start;
    char name[160];
};

static int slice_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    struct slice *s = (struct slice *)bd;

    return blockdev_pread(s->below, buf, n, s->start + offset, e);
}

static int slice_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                        struct err *e)
{
    struct slice *s = (struct slice *)bd;

    return blockdev_pwrite(s->below, buf, n, s->start + offset, e);
}

static int slice_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    struct slice *s = (struct slice *)bd;

    return blockdev_zero(s->below, s->start + offset, bytes, e);
}

static int slice_discard(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    struct slice *s = (struct slice *)bd;

    return blockdev_discard(s->below, s->start + offset, bytes, e);
}

static int slice_flush(struct blockdev *bd, struct err *e)
{
    return blockdev_flush(((struct slice *)bd)->below, e);
}

static int slice_next_data(struct blockdev *bd, uint64_t offset, struct extent *data, struct err *e)
{
    struct slice *s = (struct slice *)bd;
    uint64_t end = s->start + bd->bytes;

    if (blockdev_next_data(s->below, s->start + offset, data, e) < 0)
        return -1;
    if (data->bytes == 0 || data->start >= end) {
        *data = (struct extent){offset, 0};
        return 0;
    }
    if (extent_end(data) > end)
        data->bytes = end - data->start;
    data->start -= s->start;
    return 0;
}

static int slice_fd_extent(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                           struct err *e)
{
    struct slice *s = (struct slice *)bd;

    range.start += s->start;
    return blockdev_fd_extent(s->below, range, fd, start, e);
}

static void slice_close(struct blockdev *bd)
{
    free(bd);
}

static const struct blockdev_ops slice_ops = {
    .kind = "slice",
    .pread = slice_pread,
    .pwrite = slice_pwrite,
    .zero = slice_zero,
    .discard = slice_discard,
    .flush = slice_flush,
    .next_data = slice_next_data,
    .fd_extent = slice_fd_extent,
    .close = slice_close,
};

struct blockdev *slice_open(struct blockdev *below, struct extent range, struct err *e)
{
    struct slice *s;

    if (range.start > below->bytes || range.bytes > below->bytes - range.start) {
        err_set(e, ERR_IO, "%s: %llu bytes at %llu are past its end", below->name,
                (unsigned long long)range.bytes, (unsigned long long)range.start);
        return NULL;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        err_no_memory(e);
        return NULL;
    }
    snprintf(s->name, sizeof(s->name), "%s at %llu", below->name, (unsigned long long)range.start);
    s->below = below;
    s->start = range.start;
    s->bd = (struct blockdev){&slice_ops, range.bytes, below->sector, s->name};
    return &s->bd;
}

struct blockdev *slice_below(struct blockdev *bd, uint64_t *start)
{
    if (bd->ops != &slice_ops)
        return NULL;
    *start = ((struct slice *)bd)->start;
    return ((struct slice *)bd)->below;
}
