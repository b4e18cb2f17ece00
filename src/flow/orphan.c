// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * orphan.c: looks for the filesystem that a byte of free space is of.
 *
 * Partitions begin at whole MiB, or right behind others: a superblock is looked for from the byte
 * back, and counts when its filesystem reaches as far as the byte.
 */
#include "flow/orphan.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fs.h"
#include "fs/probe.h"
#include "fs/superblock_copy.h"

#include <stdio.h>
#include <string.h>

#define BACK_MOST 256
#define HEAD      (128 * KIB) /* a superblock's first copy lies in it */

/* What no partition has around the byte; the byte alone where that cannot be said. */
static int find_gap(const struct table *there, uint64_t where, struct extent *gap, struct err *e)
{
    _cleanup_free_ struct extent *taken = calloc(there->n + 1, sizeof(*taken)), *gaps = NULL;
    const struct extent byte = {where, 1};
    size_t n;

    if (taken == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < there->n; i++)
        taken[i] = there->entries[i].range;
    if (extent_subtract(there->usable, taken, there->n, &gaps, &n, e) < 0)
        return -1;
    *gap = byte;
    for (size_t i = 0; i < n; i++)
        if (extent_contains(&gaps[i], &byte))
            *gap = gaps[i];
    return 0;
}

/* True when a filesystem that begins there has the byte: as far as its own kind can say how large
 * it is, else only where it is at its very beginning. */
static bool reaches(struct blockdev *bd, struct extent range, const char *kind, uint64_t where)
{
    const struct fs_ops *fs = fs_by_blkid(kind);
    struct err ignored;
    _cleanup_blockdev_ struct blockdev *slice = fs != NULL ? slice_open(bd, range, &ignored) : NULL;
    struct fs_bounds bounds;

    if (slice == NULL || fs->bounds(slice, &bounds, &ignored) < 0)
        return where - range.start < MIB;
    return where - range.start < bounds.now;
}

/* 1: there is one at the start of the range, and it has the byte. */
static int look_at(struct blockdev *bd, struct extent range, uint64_t where, struct probe *probe,
                   struct err *e)
{
    struct extent data;

    *probe = (struct probe){0};
    if (blockdev_next_data(bd, range.start, &data, e) < 0)
        return -1;
    if (data.bytes == 0 || data.start >= range.start + HEAD)
        return 0;
    if (probe_range(bd, range, probe, e) < 0)
        return -1;
    if (probe->fs != NULL && reaches(bd, range, probe->fs, where))
        return 1;
    probe_clear(probe);
    return 0;
}

/* 1: *probe is the one that begins at *at. Copies of its superblock lie in it: of those with the
 * same UUID the first counts. */
static int take(struct blockdev *bd, struct extent range, uint64_t where, struct probe *probe,
                uint64_t *at, struct err *e)
{
    bool first = probe->fs == NULL;
    struct probe other;
    int found = look_at(bd, range, where, &other, e);

    if (found <= 0)
        return found;
    if (!first &&
        (probe->uuid == NULL || other.uuid == NULL || strcmp(probe->uuid, other.uuid) != 0)) {
        probe_clear(&other);
        return 0;
    }
    probe_clear(probe);
    *probe = other;
    *at = range.start;
    return 1;
}

static int find(struct blockdev *bd, struct extent gap, uint64_t where, uint64_t *at,
                struct probe *probe, struct err *e)
{
    uint64_t start = round_down(where, MIB), end = extent_end(&gap);
    int result = 0;

    for (int i = 0; result >= 0 && i < BACK_MOST && start > gap.start; i++, start -= MIB)
        result = take(bd, (struct extent){start, end - start}, where, probe, at, e);
    return result < 0 ? -1 : take(bd, gap, where, probe, at, e);
}

/* A copy begins where a sector does, and its first bytes are not all zero. */
static int describe_unknown(struct blockdev *bd, uint64_t where, char *text, size_t size,
                            struct err *e)
{
    const char *fs;
    uint64_t start;
    int copy = superblock_copy_at(bd, round_down(where, 512), &fs, &start, e);
    char begin[SIZE_TEXT];

    if (copy > 0)
        snprintf(text, size,
                 "a copy of the superblock of an %s filesystem that begins, or began, at %s", fs,
                 size_exact(start, begin, sizeof(begin)));
    else
        snprintf(text, size, "data that berth does not know, at byte %llu",
                 (unsigned long long)where);
    return copy < 0 ? -1 : 0;
}

static int describe(struct blockdev *bd, uint64_t where, const struct probe *probe, uint64_t at,
                    char *text, size_t size, struct err *e)
{
    char begin[SIZE_TEXT];

    if (probe->fs == NULL)
        return describe_unknown(bd, where, text, size, e);
    snprintf(text, size, "%s%s%s%s that begins at %s", probe->fs, probe->label != NULL ? " (" : "",
             probe->label != NULL ? probe->label : "", probe->label != NULL ? ")" : "",
             size_exact(at, begin, sizeof(begin)));
    return 0;
}

int orphan_describe(struct blockdev *bd, const struct table *there, uint64_t where, char *text,
                    size_t size, struct err *e)
{
    char from[SIZE_TEXT], to[SIZE_TEXT];
    struct probe probe = {0};
    struct extent gap = {0};
    uint64_t at = 0;
    int result = -1;
    size_t fill;

    if (find_gap(there, where, &gap, e) == 0 && find(bd, gap, where, &at, &probe, e) >= 0) {
        size_human(gap.start, from, sizeof(from));
        size_human(extent_end(&gap), to, sizeof(to));
        fill = (size_t)snprintf(text, size, "the free range from %s to %s has ", from, to);
        result = describe(bd, where, &probe, at, text + fill, size - fill, e);
    }
    probe_clear(&probe);
    return result;
}
