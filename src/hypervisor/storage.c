// SPDX-License-Identifier: GPL-3.0-or-later
/* storage.c: splits requests at the borders of ranges. With a copy-on-write file in front, nothing
 * is ever written to a range. */
#include "hypervisor/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROES  65536
#define AT_ONCE (1U << 30) /* bytes of one call: the sandbox takes less than 2 GiB */

static bool inside(const struct storage *storage, uint64_t offset, uint64_t bytes)
{
    return bytes <= storage->bytes && offset <= storage->bytes - bytes;
}

static const struct storage_range *range_at(const struct storage *storage, uint64_t offset)
{
    const struct storage_range *range = storage->ranges;

    while (offset - range->start >= range->bytes)
        range++;
    return range;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- one descriptor ---- */

static bool read_all(int fd, uint8_t *data, uint64_t bytes, uint64_t at)
{
    while (bytes > 0) {
        ssize_t got = pread(fd, data, least(bytes, AT_ONCE), (off_t)at);

        if (got <= 0 && !(got < 0 && errno == EINTR))
            return false;
        if (got > 0) {
            data += got;
            at += (uint64_t)got;
            bytes -= (uint64_t)got;
        }
    }
    return true;
}

static bool write_all(int fd, const uint8_t *data, uint64_t bytes, uint64_t at)
{
    while (bytes > 0) {
        ssize_t put = pwrite(fd, data, least(bytes, AT_ONCE), (off_t)at);

        if (put <= 0 && !(put < 0 && errno == EINTR))
            return false;
        if (put > 0) {
            data += put;
            at += (uint64_t)put;
            bytes -= (uint64_t)put;
        }
    }
    return true;
}

static bool write_zeroes(int fd, uint64_t bytes, uint64_t at)
{
    static const uint8_t zeroes[ZEROES];

    while (bytes > 0) {
        uint64_t run = least(bytes, ZEROES);

        if (!write_all(fd, zeroes, run, at))
            return false;
        at += run;
        bytes -= run;
    }
    return true;
}

/* ---- the ranges ---- */

/* The descriptor by which so many bytes, from `at` of the range's file on, go to or from memory: a
 * range may begin or end at a place that the direct one does not take. */
static int way(const struct storage_range *range, const void *data, uint64_t bytes, uint64_t at,
               bool direct)
{
    return direct && range->direct > 0 && (((uintptr_t)data | bytes | at) % STORAGE_ALIGNED) == 0
               ? range->direct
               : range->fd;
}

static bool ranges_read(const struct storage *storage, uint64_t offset, uint8_t *data,
                        uint64_t bytes, bool direct)
{
    while (bytes > 0) {
        const struct storage_range *range = range_at(storage, offset);
        uint64_t skip = offset - range->start, run = least(bytes, range->bytes - skip);

        if (!read_all(way(range, data, run, range->at + skip, direct), data, run, range->at + skip))
            return false;
        offset += run;
        data += run;
        bytes -= run;
    }
    return true;
}

/* ---- a copy-on-write file in front ---- */

static int read_below(void *arg, void *buf, size_t n, uint64_t offset)
{
    return ranges_read(arg, offset, buf, n, false) ? 0 : -1;
}

int storage_overlay(struct storage *storage, int file, int map, struct err *e)
{
    size_t bytes = overlay_map_bytes(storage->bytes);
    struct stat st;

    if (fstat(map, &st) < 0)
        return err_errno(e, "the map of the disk's changes");
    if ((uint64_t)st.st_size < bytes)
        return err_set(e, ERR_USAGE, "the map of the disk's changes is too small");
    storage->overlay.fd = file;
    storage->overlay.read_below = read_below;
    pthread_mutex_init(&storage->overlay.filling, NULL);
    storage->overlay.map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (storage->overlay.map == MAP_FAILED)
        return err_errno(e, "the map of the disk's changes");
    if (storage->overlay.map->bytes != storage->bytes ||
        storage->overlay.map->below_bytes != storage->bytes)
        return err_set(e, ERR_USAGE, "the map of the disk's changes is another disk's");
    return 0;
}

/* ---- the disk ---- */

bool storage_read(struct storage *storage, uint64_t offset, void *data, uint64_t bytes, bool direct)
{
    if (!inside(storage, offset, bytes))
        return false;
    if (storage->overlay.map != NULL)
        return overlay_store_read(&storage->overlay, storage, data, bytes, offset) == 0;
    return ranges_read(storage, offset, data, bytes, direct);
}

void storage_expect(const struct storage *storage, uint64_t offset, uint64_t bytes)
{
    const struct storage_range *range;

    if (bytes == 0 || bytes > AT_ONCE || !inside(storage, offset, bytes) ||
        storage->overlay.map != NULL)
        return;
    range = range_at(storage, offset);
    if (range->direct > 0 && bytes >= STORAGE_LARGE)
        return; /* it does not pass through what would be read */
    (void)posix_fadvise(range->fd, (off_t)(range->at + offset - range->start),
                        (off_t)least(bytes, range->start + range->bytes - offset),
                        POSIX_FADV_WILLNEED);
}

/* Has fn change each part of the range that one descriptor has. */
static bool each_part(struct storage *storage, uint64_t offset, const uint8_t *data, uint64_t bytes,
                      bool direct,
                      bool (*fn)(int fd, const uint8_t *data, uint64_t bytes, uint64_t at))
{
    while (bytes > 0) {
        const struct storage_range *range = range_at(storage, offset);
        uint64_t skip = offset - range->start, run = least(bytes, range->bytes - skip);

        storage->flushed[range - storage->ranges] = false;
        if (!fn(way(range, data, run, range->at + skip, direct), data, run, range->at + skip))
            return false;
        offset += run;
        data = data != NULL ? data + run : NULL;
        bytes -= run;
    }
    return true;
}

bool storage_write(struct storage *storage, uint64_t offset, const void *data, uint64_t bytes,
                   bool direct)
{
    if (storage->read_only || !inside(storage, offset, bytes))
        return false;
    if (storage->overlay.map != NULL)
        return overlay_store_write(&storage->overlay, storage, data, bytes, offset) == 0;
    return each_part(storage, offset, data, bytes, direct, write_all);
}

/* A file system that cannot make holes gets zeroes written. */
static bool zero_part(int fd, const uint8_t *data, uint64_t bytes, uint64_t at)
{
    (void)data;
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)bytes) == 0)
        return true;
    return write_zeroes(fd, bytes, at);
}

bool storage_zero(struct storage *storage, uint64_t offset, uint64_t bytes)
{
    if (storage->read_only || !inside(storage, offset, bytes))
        return false;
    if (storage->overlay.map != NULL)
        return overlay_store_zero(&storage->overlay, storage, offset, bytes) == 0;
    return each_part(storage, offset, NULL, bytes, false, zero_part);
}

static bool discard_part(int fd, const uint8_t *data, uint64_t bytes, uint64_t at)
{
    (void)data;
    (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)bytes);
    return true; /* it is a wish only */
}

bool storage_discard(struct storage *storage, uint64_t offset, uint64_t bytes)
{
    if (storage->read_only || !inside(storage, offset, bytes))
        return false;
    return storage->overlay.map != NULL ||
           each_part(storage, offset, NULL, bytes, false, discard_part);
}

static bool flush_fd(struct storage *storage, int fd)
{
    if (fdatasync(fd) < 0)
        return false;
    for (unsigned i = 0; i < storage->n_ranges; i++)
        storage->flushed[i] = storage->flushed[i] || storage->ranges[i].fd == fd;
    return true;
}

bool storage_flush(struct storage *storage)
{
    if (storage->overlay.map != NULL)
        return true; /* gone with the power anyway */
    for (unsigned i = 0; i < storage->n_ranges; i++)
        if (!storage->flushed[i] && !flush_fd(storage, storage->ranges[i].fd))
            return false;
    return true;
}
