// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * overlay_store.c: reading, writing and zeroing an overlay's file, block by block. Linked into
 * berth and into the library that tools get, so it knows neither struct err nor blockdev.
 */
#include "core/overlay_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE ((size_t)1 << 30) /* bytes of one call: the monitor may ask for less than 2 GiB */

static uint64_t blocks_up(uint64_t bytes)
{
    return bytes / OVERLAY_BLOCK + (bytes % OVERLAY_BLOCK != 0);
}

size_t overlay_map_bytes(uint64_t bytes)
{
    return sizeof(struct overlay_map) + (size_t)(blocks_up(bytes) / 64 + 1) * sizeof(uint64_t);
}

static bool is_here(const struct overlay_map *map, uint64_t block)
{
    return (__atomic_load_n(&map->bits[block / 64], __ATOMIC_ACQUIRE) >> (block % 64) & 1) != 0;
}

static void set_here(struct overlay_map *map, uint64_t block, uint64_t end)
{
    for (; block < end; block++)
        __atomic_fetch_or(&map->bits[block / 64], UINT64_C(1) << (block % 64), __ATOMIC_RELEASE);
}

uint64_t overlay_map_find(const struct overlay_map *map, uint64_t block, uint64_t end, bool here)
{
    uint64_t none = here ? 0 : ~UINT64_C(0);

    while (block < end) {
        if (block % 64 == 0 && map->bits[block / 64] == none)
            block += 64;
        else if (is_here(map, block) == here)
            return block;
        else
            block++;
    }
    return end;
}

void overlay_map_forget(struct overlay_map *map, uint64_t bytes)
{
    uint64_t end = blocks_up(map->bytes),
             block = overlay_map_find(map, blocks_up(bytes), end, true);

    while (block < end) {
        __atomic_fetch_and(&map->bits[block / 64], ~(UINT64_C(1) << (block % 64)),
                           __ATOMIC_RELEASE);
        block = overlay_map_find(map, block, end, true);
    }
}

static int file_read(int fd, void *buf, size_t n, uint64_t offset)
{
    while (n > 0) {
        ssize_t got = pread(fd, buf, n < AT_ONCE ? n : AT_ONCE, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO;
        if (got <= 0)
            return -1;
        buf = (char *)buf + got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

static int file_write(int fd, const void *buf, size_t n, uint64_t offset)
{
    while (n > 0) {
        ssize_t put = pwrite(fd, buf, n < AT_ONCE ? n : AT_ONCE, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        buf = (const char *)buf + put;
        n -= (size_t)put;
        offset += (uint64_t)put;
    }
    return 0;
}

/* What is below, and zeros behind its end. */
static int below_read(struct overlay_store *store, void *arg, void *buf, size_t n, uint64_t offset)
{
    uint64_t end = store->map->below_bytes;
    size_t there = offset >= end ? 0 : end - offset < n ? (size_t)(end - offset) : n;

    memset((char *)buf + there, 0, n - there);
    return there > 0 ? store->read_below(arg, buf, there, offset) : 0;
}

int overlay_store_read(struct overlay_store *store, void *arg, void *buf, size_t n, uint64_t offset)
{
    while (n > 0) {
        uint64_t block = offset / OVERLAY_BLOCK, last = blocks_up(offset + n);
        bool here = is_here(store->map, block);
        uint64_t end = overlay_map_find(store->map, block, last, !here) * OVERLAY_BLOCK;
        size_t part = end - offset < n ? (size_t)(end - offset) : n;

        if (here ? file_read(store->fd, buf, part, offset) < 0
                 : below_read(store, arg, buf, part, offset) < 0)
            return -1;
        buf = (char *)buf + part;
        n -= part;
        offset += part;
    }
    return 0;
}

/* Writes a piece of one block, the rest of which comes from below when it is not here yet. */
static int write_part(struct overlay_store *store, void *arg, const void *buf, size_t n,
                      uint64_t offset)
{
    uint64_t start = offset - offset % OVERLAY_BLOCK, left = store->map->bytes - start;
    size_t len = left < OVERLAY_BLOCK ? (size_t)left : OVERLAY_BLOCK;
    char block[OVERLAY_BLOCK];

    if (is_here(store->map, start / OVERLAY_BLOCK))
        return file_write(store->fd, buf, n, offset);
    if (below_read(store, arg, block, len, start) < 0)
        return -1;
    memcpy(block + (offset - start), buf, n);
    if (file_write(store->fd, block, len, start) < 0)
        return -1;
    set_here(store->map, start / OVERLAY_BLOCK, start / OVERLAY_BLOCK + 1);
    return 0;
}

static int write_whole(struct overlay_store *store, const void *buf, size_t n, uint64_t offset)
{
    if (file_write(store->fd, buf, n, offset) < 0)
        return -1;
    set_here(store->map, offset / OVERLAY_BLOCK, (offset + n) / OVERLAY_BLOCK);
    return 0;
}

int overlay_store_write(struct overlay_store *store, void *arg, const void *buf, size_t n,
                        uint64_t offset)
{
    while (n > 0) {
        size_t in_block = (size_t)(offset % OVERLAY_BLOCK), part = n - n % OVERLAY_BLOCK;
        int result;

        if (in_block != 0 || n < OVERLAY_BLOCK) {
            part = OVERLAY_BLOCK - in_block < n ? OVERLAY_BLOCK - in_block : n;
            pthread_mutex_lock(&store->filling);
            result = write_part(store, arg, buf, part, offset);
            pthread_mutex_unlock(&store->filling);
        } else {
            result = write_whole(store, buf, part, offset);
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
int overlay_store_zero(struct overlay_store *store, void *arg, uint64_t offset, uint64_t bytes)
{
    static const char zeros[OVERLAY_BLOCK];
    uint64_t end = offset + bytes, last = end - end % OVERLAY_BLOCK;
    uint64_t first = blocks_up(offset) * OVERLAY_BLOCK;

    if (first >= last || fallocate(store->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                   (off_t)first, (off_t)(last - first)) < 0)
        first = last = end;
    set_here(store->map, first / OVERLAY_BLOCK, last / OVERLAY_BLOCK);
    while (offset < end) {
        uint64_t stop = offset < first ? first : end;
        size_t n = stop - offset < OVERLAY_BLOCK ? (size_t)(stop - offset) : OVERLAY_BLOCK;

        if (offset == first && first < last) {
            offset = last;
            continue;
        }
        if (overlay_store_write(store, arg, zeros, n, offset) < 0)
            return -1;
        offset += n;
    }
    return 0;
}
