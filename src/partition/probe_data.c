// SPDX-License-Identifier: GPL-3.0-or-later
/* probe_data.c: is there anything but zeros, and what berth's own log has left? */
#include "block/area.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/probe.h"

#include <string.h>
#include <sys/stat.h>

#define SCAN_CHUNK   MIB
#define SAMPLES      1024
#define SAMPLE_BYTES (64 * KIB)
#define DEVICE_EDGE  (16 * MIB) /* how much of the ends of a device's range is looked through */

static bool all_zero(const unsigned char *buf, size_t n)
{
    return n == 0 || (buf[0] == 0 && memcmp(buf, buf + 1, n - 1) == 0);
}

/* The first byte that is not zero; n: none. */
static size_t first_data(const unsigned char *buf, size_t n)
{
    size_t i = 0;

    if (all_zero(buf, n))
        return n;
    while (buf[i] == 0)
        i++;
    return i;
}

/* 1: the range has a byte that is somebody's. */
static int scan(struct blockdev *bd, struct extent range, unsigned char *buf, struct err *e)
{
    uint64_t at = range.start, end = extent_end(&range);

    while (at < end) {
        struct extent data;
        size_t n, i;
        int left;

        if (blockdev_next_data(bd, at, &data, e) < 0)
            return -1;
        if (data.bytes == 0 || data.start >= end)
            return 0;
        at = data.start;
        n = (size_t)(end - at < SCAN_CHUNK ? end - at : SCAN_CHUNK);
        n = data.bytes < n ? (size_t)data.bytes : n;
        if (blockdev_pread(bd, buf, n, at, e) < 0)
            return -1;
        i = first_data(buf, n);
        left = i < n ? area_left(bd, at + i, end, &at, e) : 0;
        if (left < 0)
            return -1;
        if (i < n && left == 0)
            return 1;
        at += left == 0 ? n : 0;
    }
    return 0;
}

/* 1: an end of the range, or one of the samples spread evenly over it, has such a byte. */
static int sample(struct blockdev *bd, struct extent range, unsigned char *buf, struct err *e)
{
    struct extent head = {range.start, DEVICE_EDGE};
    struct extent tail = {extent_end(&range) - DEVICE_EDGE, DEVICE_EDGE};
    uint64_t step = round_up(range.bytes / SAMPLES, MIB);
    int found = scan(bd, head, buf, e);

    if (found == 0)
        found = scan(bd, tail, buf, e);
    for (uint64_t at = 0; at < range.bytes && found == 0; at += step) {
        uint64_t left = range.bytes - at;
        struct extent piece = {range.start + at, left < SAMPLE_BYTES ? left : SAMPLE_BYTES};

        found = scan(bd, piece, buf, e);
    }
    return found;
}

/* A device has no holes that could be skipped: reading all of it takes minutes. */
static bool is_device(struct blockdev *bd, struct extent range)
{
    struct err ignored;
    struct stat st;
    uint64_t start;
    int fd;

    return blockdev_fd_extent(bd, range, &fd, &start, &ignored) == 0 && fstat(fd, &st) == 0 &&
           S_ISBLK(st.st_mode);
}

int probe_has_data(struct blockdev *bd, struct extent range, bool *sampled, struct err *e)
{
    _cleanup_free_ unsigned char *buf = malloc(SCAN_CHUNK);
    bool only_samples = range.bytes > 2 * DEVICE_EDGE && is_device(bd, range);

    if (buf == NULL)
        return err_no_memory(e);
    if (sampled != NULL)
        *sampled = only_samples;
    return only_samples ? sample(bd, range, buf, e) : scan(bd, range, buf, e);
}
