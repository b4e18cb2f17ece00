// SPDX-License-Identifier: GPL-3.0-or-later
/* probe_data.c: is there anything but zeros, and what berth's own log has left? And does a range
 * still read the same? */
#include "block/area.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/probe.h"

#include <string.h>
#include <sys/stat.h>

#define SCAN_CHUNK   MIB
#define SAMPLES      1024
#define SAMPLE_BYTES (64 * KIB)
#define EDGE         (16 * MIB) /* how much of the ends of a large range is looked through */
#define DIGEST_BLOCK (64 * KIB)

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

/* 1: the range has a byte that is somebody's; *where is the first. */
static int scan(struct blockdev *bd, struct extent range, unsigned char *buf, uint64_t *where,
                struct err *e)
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
        *where = at + i;
        left = i < n ? area_left(bd, at + i, end, &at, e) : 0;
        if (left < 0)
            return -1;
        if (i < n && left == 0)
            return 1;
        at += left == 0 ? n : 0;
    }
    return 0;
}

/* The pieces that stand for a large range: its ends, and samples spread evenly over it. False:
 * there is no i-th one. */
static bool piece_of(struct extent range, size_t i, struct extent *piece)
{
    uint64_t step = round_up(range.bytes / SAMPLES, MIB), at = i < 2 ? 0 : (i - 2) * step;
    uint64_t left = range.bytes - (at < range.bytes ? at : range.bytes);

    *piece = (struct extent){range.start + at, left < SAMPLE_BYTES ? left : SAMPLE_BYTES};
    if (i < 2)
        *piece = (struct extent){i == 0 ? range.start : extent_end(&range) - EDGE, EDGE};
    return left > 0;
}

/* 1: one of the pieces has such a byte. */
static int sample(struct blockdev *bd, struct extent range, unsigned char *buf, uint64_t *where,
                  struct err *e)
{
    struct extent piece;
    int found = 0;

    for (size_t i = 0; found == 0 && piece_of(range, i, &piece); i++)
        found = scan(bd, piece, buf, where, e);
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

int probe_find_data(struct blockdev *bd, struct extent range, uint64_t *where, bool *sampled,
                    struct err *e)
{
    _cleanup_free_ unsigned char *buf = malloc(SCAN_CHUNK);
    bool only_samples = range.bytes > 2 * EDGE && is_device(bd, range);

    if (buf == NULL)
        return err_no_memory(e);
    if (sampled != NULL)
        *sampled = only_samples;
    return only_samples ? sample(bd, range, buf, where, e) : scan(bd, range, buf, where, e);
}

int probe_has_data(struct blockdev *bd, struct extent range, bool *sampled, struct err *e)
{
    uint64_t where;

    return probe_find_data(bd, range, &where, sampled, e);
}

/* ---- the same as before? ---- */

/* Blocks of zeros are left out, so that a hole and zeros that were written are the same. */
static int digest_piece(struct blockdev *bd, struct extent range, unsigned char *buf,
                        struct digest *digest, struct err *e)
{
    uint64_t end = extent_end(&range);
    struct extent data;

    for (uint64_t at = range.start, n; at < end; at += n) {
        n = end - at < DIGEST_BLOCK ? end - at : DIGEST_BLOCK;
        if (blockdev_next_data(bd, at, &data, e) < 0)
            return -1;
        if (data.bytes == 0 || data.start >= end)
            return 0;
        if (data.start >= at + n) {
            n = round_down(data.start - at, DIGEST_BLOCK); /* n was a whole block */
            continue;
        }
        if (blockdev_pread(bd, buf, (size_t)n, at, e) < 0)
            return -1;
        if (all_zero(buf, (size_t)n))
            continue;
        digest_update(digest, &at, sizeof(at));
        digest_update(digest, buf, (size_t)n);
    }
    return 0;
}

int probe_digest(struct blockdev *bd, struct extent range, char text[DIGEST_TEXT], struct err *e)
{
    _cleanup_free_ unsigned char *buf = malloc(DIGEST_BLOCK);
    struct digest *digest = digest_new(e);
    struct extent piece;
    int result = 0;

    if (digest == NULL || buf == NULL) {
        digest_free(digest);
        return err_no_memory(e);
    }
    if (range.bytes <= PROBE_DIGEST_WHOLE)
        result = digest_piece(bd, range, buf, digest, e);
    for (size_t i = 0;
         range.bytes > PROBE_DIGEST_WHOLE && result == 0 && piece_of(range, i, &piece); i++)
        result = digest_piece(bd, piece, buf, digest, e);
    digest_finish(digest, text);
    digest_free(digest);
    return result;
}
