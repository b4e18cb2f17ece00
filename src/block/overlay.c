// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * overlay.c: copy on write. Reads come from below until something was written; writes go to an
 * unnamed temporary file, which is gone with its last descriptor.
 *
 * A block of 4096 bytes is either wholly below or wholly in the file: its bit in `map` says which.
 * The map is shared memory, so that after a fork parent and child see one device. Bits are only
 * ever set, and only after the block is in the file.
 */
#include "block/blockdev.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK 4096U

struct overlay {
    struct blockdev bd;
    struct blockdev *below;
    int fd;
    uint64_t *map;
    size_t map_bytes;
    uint64_t blocks;
    pthread_mutex_t filling; /* one block at a time is completed from below */
};

static struct overlay *overlay_of(struct blockdev *bd)
{
    return (struct overlay *)bd;
}

static bool block_is_here(const struct overlay *o, uint64_t block)
{
    return (__atomic_load_n(&o->map[block / 64], __ATOMIC_ACQUIRE) >> (block % 64) & 1) != 0;
}

static void block_set_here(struct overlay *o, uint64_t block)
{
    __atomic_fetch_or(&o->map[block / 64], UINT64_C(1) << (block % 64), __ATOMIC_RELEASE);
}

/* The first block from `block` on, below `end`, whose bit is `here`; `end` when there is none. */
static uint64_t find_block(const struct overlay *o, uint64_t block, uint64_t end, bool here)
{
    uint64_t none = here ? 0 : ~UINT64_C(0);

    while (block < end) {
        if (block % 64 == 0 && o->map[block / 64] == none)
            block += 64;
        else if (block_is_here(o, block) == here)
            return block;
        else
            block++;
    }
    return end;
}

static int overlay_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    struct overlay *o = overlay_of(bd);

    while (n > 0) {
        uint64_t block = offset / BLOCK, last = round_up(offset + n, BLOCK) / BLOCK;
        bool here = block_is_here(o, block);
        uint64_t end = find_block(o, block, last, !here) * BLOCK;
        size_t part = end - offset < n ? (size_t)(end - offset) : n;

        if (here ? io_pread(o->fd, buf, part, offset, e) < 0
                 : blockdev_pread(o->below, buf, part, offset, e) < 0)
            return -1;
        buf = (char *)buf + part;
        n -= part;
        offset += part;
    }
    return 0;
}

/* Writes a piece of one block, the rest of which comes from below when it is not here yet. */
static int write_part(struct overlay *o, const void *buf, size_t n, uint64_t offset, struct err *e)
{
    uint64_t start = round_down(offset, BLOCK);
    size_t len = o->bd.bytes - start < BLOCK ? (size_t)(o->bd.bytes - start) : BLOCK;
    char block[BLOCK];

    if (block_is_here(o, start / BLOCK))
        return io_pwrite(o->fd, buf, n, offset, e);
    if (blockdev_pread(o->below, block, len, start, e) < 0)
        return -1;
    memcpy(block + (offset - start), buf, n);
    if (io_pwrite(o->fd, block, len, start, e) < 0)
        return -1;
    block_set_here(o, start / BLOCK);
    return 0;
}

static int overlay_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                          struct err *e)
{
    struct overlay *o = overlay_of(bd);

    while (n > 0) {
        size_t in_block = (size_t)(offset % BLOCK), part = n;
        int result;

        if (in_block != 0 || n < BLOCK) {
            part = BLOCK - in_block < n ? BLOCK - in_block : n;
            pthread_mutex_lock(&o->filling);
            result = write_part(o, buf, part, offset, e);
            pthread_mutex_unlock(&o->filling);
        } else {
            part = n - n % BLOCK;
            result = io_pwrite(o->fd, buf, part, offset, e);
            for (uint64_t b = offset / BLOCK; result == 0 && b < (offset + part) / BLOCK; b++)
                block_set_here(o, b);
        }
        if (result < 0)
            return -1;
        buf = (const char *)buf + part;
        n -= part;
        offset += part;
    }
    return 0;
}

/* Whole blocks become holes of the file, where it can have any; the ends are written. */
static int overlay_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    static const char zeros[BLOCK];
    struct overlay *o = overlay_of(bd);
    uint64_t end = offset + bytes, first = round_up(offset, BLOCK), last = round_down(end, BLOCK);

    if (first >= last || fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first,
                                   (off_t)(last - first)) < 0)
        first = last = end;
    for (uint64_t b = first / BLOCK; b < last / BLOCK; b++)
        block_set_here(o, b);
    while (offset < end) {
        uint64_t stop = offset < first ? first : end;
        size_t n = stop - offset < BLOCK ? (size_t)(stop - offset) : BLOCK;

        if (overlay_pwrite(bd, zeros, n, offset, e) < 0)
            return -1;
        offset = offset + n == first ? last : offset + n;
    }
    return 0;
}

/* Nothing here is meant to survive. */
static int overlay_flush(struct blockdev *bd, struct err *e)
{
    (void)bd;
    (void)e;
    return 0;
}

static int overlay_next_data(struct blockdev *bd, uint64_t offset, struct extent *data,
                             struct err *e)
{
    struct overlay *o = overlay_of(bd);
    uint64_t start, end;

    if (blockdev_next_data(o->below, offset, data, e) < 0)
        return -1;
    start = find_block(o, offset / BLOCK, o->blocks, true);
    if (start == o->blocks)
        return 0;
    end = find_block(o, start, o->blocks, false) * BLOCK;
    start *= BLOCK;
    if (data->bytes != 0 && data->start < start) {
        if (extent_end(data) > start)
            data->bytes = start - data->start;
        return 0;
    }
    data->start = start < offset ? offset : start;
    data->bytes = (end < bd->bytes ? end : bd->bytes) - data->start;
    return 0;
}

static void overlay_close(struct blockdev *bd)
{
    struct overlay *o = overlay_of(bd);

    if (o->map != MAP_FAILED)
        munmap(o->map, o->map_bytes);
    cleanup_close(&o->fd);
    pthread_mutex_destroy(&o->filling);
    free(o);
}

static const struct blockdev_ops overlay_ops = {
    .kind = "overlay",
    .pread = overlay_pread,
    .pwrite = overlay_pwrite,
    .zero = overlay_zero,
    .flush = overlay_flush,
    .next_data = overlay_next_data,
    .close = overlay_close,
};

struct blockdev *overlay_open(struct blockdev *below, const char *folder, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = NULL;
    struct overlay *o = calloc(1, sizeof(*o));

    if (o == NULL) {
        err_no_memory(e);
        return NULL;
    }
    o->bd = (struct blockdev){&overlay_ops, below->bytes, below->sector, below->name};
    o->below = below;
    o->blocks = round_up(below->bytes, BLOCK) / BLOCK;
    o->map_bytes = (size_t)(round_up(o->blocks, 64) / 8);
    pthread_mutex_init(&o->filling, NULL);
    o->fd = io_temporary_file(folder, below->bytes, e);
    o->map = mmap(NULL, o->map_bytes, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bd = &o->bd;
    if (o->fd < 0)
        return NULL;
    if (o->map == MAP_FAILED) {
        err_errno(e, "%s: the map of its changes", below->name);
        return NULL;
    }
    return steal(bd);
}
