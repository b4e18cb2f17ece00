// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * view.c: routes each byte to the disk or to the private device.
 *
 * `own` is sorted by start, and its ranges neither overlap nor touch the device's end.
 */
#include "run/view.h"
#include "core/cleanup.h"

#include <string.h>

struct view {
    struct blockdev bd;
    struct blockdev *disk, *private_disk;
    size_t n_own;
    struct extent own[];
};

/* A piece of a request that one device answers. */
struct piece {
    struct blockdev *device;
    uint64_t bytes;
};

static struct piece piece_at(const struct view *view, uint64_t offset, uint64_t bytes)
{
    struct piece piece = {view->private_disk, bytes};
    uint64_t end = offset + bytes;

    for (size_t i = 0; i < view->n_own; i++) {
        const struct extent *own = &view->own[i];

        if (extent_end(own) <= offset)
            continue;
        if (own->start <= offset) {
            piece.device = view->disk;
            end = extent_end(own) < end ? extent_end(own) : end;
        } else if (own->start < end) {
            end = own->start;
        }
        break;
    }
    piece.bytes = end - offset;
    return piece;
}

static int view_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    while (n > 0) {
        struct piece piece = piece_at((struct view *)bd, offset, n);

        if (blockdev_pread(piece.device, buf, (size_t)piece.bytes, offset, e) < 0)
            return -1;
        buf = (char *)buf + piece.bytes;
        n -= (size_t)piece.bytes;
        offset += piece.bytes;
    }
    return 0;
}

static int view_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                       struct err *e)
{
    while (n > 0) {
        struct piece piece = piece_at((struct view *)bd, offset, n);

        if (blockdev_pwrite(piece.device, buf, (size_t)piece.bytes, offset, e) < 0)
            return -1;
        buf = (const char *)buf + piece.bytes;
        n -= (size_t)piece.bytes;
        offset += piece.bytes;
    }
    return 0;
}

static int each_piece(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e,
                      int (*change)(struct blockdev *, uint64_t, uint64_t, struct err *))
{
    while (bytes > 0) {
        struct piece piece = piece_at((struct view *)bd, offset, bytes);

        if (change(piece.device, offset, piece.bytes, e) < 0)
            return -1;
        offset += piece.bytes;
        bytes -= piece.bytes;
    }
    return 0;
}

static int view_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    return each_piece(bd, offset, bytes, e, blockdev_zero);
}

static int view_discard(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    return each_piece(bd, offset, bytes, e, blockdev_discard);
}

/* The private device is a temporary file: nothing in it is meant to survive a power cut. */
static int view_flush(struct blockdev *bd, struct err *e)
{
    return blockdev_flush(((struct view *)bd)->disk, e);
}

static int view_next_data(struct blockdev *bd, uint64_t offset, struct extent *data, struct err *e)
{
    while (offset < bd->bytes) {
        struct piece piece = piece_at((struct view *)bd, offset, bd->bytes - offset);
        uint64_t end = offset + piece.bytes;

        if (blockdev_next_data(piece.device, offset, data, e) < 0)
            return -1;
        if (data->bytes != 0 && data->start < end) {
            if (extent_end(data) > end)
                data->bytes = end - data->start;
            return 0;
        }
        offset = end;
    }
    *data = (struct extent){offset, 0};
    return 0;
}

static int view_fd_extent(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                          struct err *e)
{
    struct piece piece = piece_at((struct view *)bd, range.start, range.bytes);

    if (piece.bytes < range.bytes)
        return err_set(e, ERR_UNSUPPORTED, "%s: the range is in several pieces", bd->name);
    return blockdev_fd_extent(piece.device, range, fd, start, e);
}

static void view_close(struct blockdev *bd)
{
    free(bd);
}

static const struct blockdev_ops view_ops = {
    .kind = "view",
    .pread = view_pread,
    .pwrite = view_pwrite,
    .zero = view_zero,
    .discard = view_discard,
    .flush = view_flush,
    .next_data = view_next_data,
    .fd_extent = view_fd_extent,
    .close = view_close,
};

static int compare_starts(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorted, inside the device, and apart. */
static int check_own(const struct extent *own, size_t n, uint64_t bytes, struct err *e)
{
    uint64_t free_from = 0;

    for (size_t i = 0; i < n; i++) {
        if (own[i].start < free_from || own[i].start > bytes || own[i].bytes == 0 ||
            own[i].bytes > bytes - own[i].start)
            return err_set(e, ERR_FAILED,
                           "the partition at %llu overlaps another or the disk's end",
                           (unsigned long long)own[i].start);
        free_from = extent_end(&own[i]);
    }
    return 0;
}

struct blockdev *view_open(struct blockdev *disk, struct blockdev *private_disk,
                           const struct extent *own, size_t n_own, struct err *e)
{
    _cleanup_free_ struct view *view = calloc(1, sizeof(*view) + n_own * sizeof(*own));

    if (view == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (private_disk->bytes != disk->bytes) {
        err_set(e, ERR_FAILED, "the private disk has %llu bytes, the disk %llu",
                (unsigned long long)private_disk->bytes, (unsigned long long)disk->bytes);
        return NULL;
    }
    view->bd = (struct blockdev){&view_ops, disk->bytes, disk->sector, disk->name};
    view->disk = disk;
    view->private_disk = private_disk;
    view->n_own = n_own;
    memcpy(view->own, own, n_own * sizeof(*own));
    qsort(view->own, n_own, sizeof(*own), compare_starts);
    if (check_own(view->own, n_own, disk->bytes, e) < 0)
        return NULL;
    return &steal(view)->bd;
}

int view_ranges(struct blockdev *bd, struct storage_range *ranges, struct err *e)
{
    uint64_t offset = 0;
    int n = 0;

    while (offset < bd->bytes) {
        struct piece piece = piece_at((struct view *)bd, offset, bd->bytes - offset);
        struct storage_range *range = &ranges[n];

        if (n++ == STORAGE_RANGES)
            return err_set(e, ERR_UNSUPPORTED, "%s: in more than %d pieces", bd->name,
                           STORAGE_RANGES);
        *range = (struct storage_range){.start = offset, .bytes = piece.bytes};
        if (view_fd_extent(bd, (struct extent){offset, piece.bytes}, &range->fd, &range->at, e) < 0)
            return -1;
        offset += piece.bytes;
    }
    return n;
}
