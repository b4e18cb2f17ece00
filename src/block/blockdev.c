// SPDX-License-Identifier: GPL-3.0-or-later
/* blockdev.c: checks ranges, then calls the driver. */
#include "block/blockdev.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

#define COPY_CHUNK (4 * MIB)

static int check_range(struct blockdev *bd, const char *what, uint64_t n, uint64_t offset,
                       struct err *e)
{
    if (offset <= bd->bytes && n <= bd->bytes - offset)
        return 0;
    return err_set(e, ERR_IO, "%s: %s of %llu bytes at %llu is past its end at %llu", bd->name,
                   what, (unsigned long long)n, (unsigned long long)offset,
                   (unsigned long long)bd->bytes);
}

int blockdev_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    if (check_range(bd, "a read", n, offset, e) < 0)
        return -1;
    return bd->ops->pread(bd, buf, n, offset, e);
}

int blockdev_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset, struct err *e)
{
    if (check_range(bd, "a write", n, offset, e) < 0)
        return -1;
    if (bd->ops->pwrite == NULL)
        return err_set(e, ERR_UNSUPPORTED, "%s: cannot be written", bd->name);
    return bd->ops->pwrite(bd, buf, n, offset, e);
}

static int write_zeros(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    _cleanup_free_ void *zeros = NULL;

    if (posix_memalign(&zeros, 4096, MIB) != 0)
        return err_no_memory(e);
    memset(zeros, 0, MIB);
    while (bytes > 0) {
        size_t n = bytes < MIB ? (size_t)bytes : (size_t)MIB;

        if (blockdev_pwrite(bd, zeros, n, offset, e) < 0)
            return -1;
        offset += n;
        bytes -= n;
    }
    return 0;
}

int blockdev_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    if (check_range(bd, "zeroing", bytes, offset, e) < 0)
        return -1;
    if (bytes == 0)
        return 0;
    return bd->ops->zero != NULL ? bd->ops->zero(bd, offset, bytes, e)
                                 : write_zeros(bd, offset, bytes, e);
}

int blockdev_discard(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    if (check_range(bd, "discarding", bytes, offset, e) < 0)
        return -1;
    if (bytes == 0 || bd->ops->discard == NULL)
        return 0;
    return bd->ops->discard(bd, offset, bytes, e);
}

int blockdev_flush(struct blockdev *bd, struct err *e)
{
    return bd->ops->flush(bd, e);
}

int blockdev_next_data(struct blockdev *bd, uint64_t offset, struct extent *data, struct err *e)
{
    if (bd->ops->next_data != NULL)
        return bd->ops->next_data(bd, offset, data, e);
    *data = (struct extent){offset, offset < bd->bytes ? bd->bytes - offset : 0};
    return 0;
}

int blockdev_fd_extent(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                       struct err *e)
{
    if (check_range(bd, "a range", range.bytes, range.start, e) < 0)
        return -1;
    if (bd->ops->fd_extent == NULL)
        return err_set(e, ERR_UNSUPPORTED, "%s has no descriptor", bd->name);
    return bd->ops->fd_extent(bd, range, fd, start, e);
}

void blockdev_close(struct blockdev *bd)
{
    if (bd != NULL)
        bd->ops->close(bd);
}

void blockdev_cleanup(struct blockdev **bd)
{
    blockdev_close(*bd);
}

static int copy_range(struct blockdev *from, struct blockdev *to, struct extent range, void *buf,
                      struct err *e)
{
    while (range.bytes > 0) {
        size_t n = range.bytes < COPY_CHUNK ? (size_t)range.bytes : (size_t)COPY_CHUNK;

        if (blockdev_pread(from, buf, n, range.start, e) < 0 ||
            blockdev_pwrite(to, buf, n, range.start, e) < 0)
            return -1;
        range.start += n;
        range.bytes -= n;
    }
    return 0;
}

int blockdev_copy_data(struct blockdev *from, struct blockdev *to, struct err *e)
{
    _cleanup_free_ void *buf = NULL;
    struct extent data = {0};

    if (posix_memalign(&buf, 4096, COPY_CHUNK) != 0)
        return err_no_memory(e);
    for (;;) {
        if (blockdev_next_data(from, extent_end(&data), &data, e) < 0)
            return -1;
        if (data.bytes == 0)
            return 0;
        if (copy_range(from, to, data, buf, e) < 0)
            return -1;
    }
}
