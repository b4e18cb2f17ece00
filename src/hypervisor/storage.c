// SPDX-License-Identifier: GPL-3.0-or-later
/* storage.c: splits requests at the borders of ranges. With a copy-on-write file in front, nothing
 * is ever written to a range. */
#include "hypervisor/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
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

/* What is done with a part of the disk that one descriptor has; data: NULL for some. */
typedef bool part_fn(int fd, uint8_t *data, uint64_t bytes, uint64_t at);

static bool move_part(int fd, bool write, uint8_t *data, uint64_t bytes, uint64_t at)
{
    while (bytes > 0) {
        size_t most = least(bytes, AT_ONCE);
        ssize_t n = write ? pwrite(fd, data, most, (off_t)at) : pread(fd, data, most, (off_t)at);

        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        if (n > 0) {
            data += n;
            at += (uint64_t)n;
            bytes -= (uint64_t)n;
        }
    }
    return true;
}

static bool read_part(int fd, uint8_t *data, uint64_t bytes, uint64_t at)
{
    return move_part(fd, false, data, bytes, at);
}

static bool write_part(int fd, uint8_t *data, uint64_t bytes, uint64_t at)
{
    return move_part(fd, true, data, bytes, at);
}

static bool write_zeroes(int fd, uint64_t bytes, uint64_t at)
{
    static uint8_t zeroes[ZEROES];

    while (bytes > 0) {
        uint64_t run = least(bytes, ZEROES);

        if (!write_part(fd, zeroes, run, at))
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

/* Has fn do each part of it that one descriptor has. */
static bool each_part(struct storage *storage, uint64_t offset, uint8_t *data, uint64_t bytes,
                      bool direct, part_fn *fn)
{
    while (bytes > 0) {
        const struct storage_range *range = range_at(storage, offset);
        uint64_t skip = offset - range->start, run = least(bytes, range->bytes - skip);

        storage->flushed[range - storage->ranges] &= fn == read_part;
        if (!fn(way(range, data, run, range->at + skip, direct), data, run, range->at + skip))
            return false;
        offset += run;
        data = data != NULL ? data + run : NULL;
        bytes -= run;
    }
    return true;
}

/* ---- a copy-on-write file in front ---- */

static int read_below(void *arg, void *buf, size_t n, uint64_t offset)
{
    return each_part(arg, offset, buf, n, false, read_part) ? 0 : -1;
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

void storage_look(struct storage *storage)
{
    const struct storage_range *range = storage->ranges;
    uint64_t bytes;

    for (unsigned i = 0; i < storage->n_ranges; i++, range++)
        storage->whole[i] =
            range->at == 0 && ioctl(range->fd, BLKGETSIZE64, &bytes) == 0 && bytes == range->bytes;
}

bool storage_move(struct storage *storage, bool write, uint64_t offset, void *data, uint64_t bytes,
                  bool direct)
{
    if ((write && storage->read_only) || !inside(storage, offset, bytes))
        return false;
    if (storage->overlay.map == NULL)
        return each_part(storage, offset, data, bytes, direct, write ? write_part : read_part);
    return (write ? overlay_store_write(&storage->overlay, storage, data, bytes, offset)
                  : overlay_store_read(&storage->overlay, storage, data, bytes, offset)) == 0;
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

bool storage_at_once(struct storage *storage, bool write, uint64_t offset,
                     const struct iovec *places, unsigned n, uint64_t bytes, bool direct)
{
    const struct storage_range *range;
    uint64_t at;
    int fd;

    if (storage->overlay.map != NULL || (write && storage->read_only) ||
        !inside(storage, offset, bytes))
        return false;
    range = range_at(storage, offset);
    at = offset - range->start;
    if (!storage->whole[range - storage->ranges] || bytes > range->bytes - at)
        return false;
    storage->flushed[range - storage->ranges] &= !write;
    fd = way(range, NULL, bytes, at, direct);
    return (write ? pwritev(fd, places, (int)n, (off_t)at)
                  : preadv(fd, places, (int)n, (off_t)at)) == (ssize_t)bytes;
}

/* A file system that cannot make holes gets zeroes written. */
static bool zero_part(int fd, uint8_t *data, uint64_t bytes, uint64_t at)
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

static bool discard_part(int fd, uint8_t *data, uint64_t bytes, uint64_t at)
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
