// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * power_cut.h: a device that records what is written, and every state in which a power cut could
 * leave the disk: writes before the last flush are on it; of those behind it any subset may be,
 * each torn between any two of its 512-byte sectors.
 */
#ifndef BERTH_TESTS_POWER_CUT_H
#define BERTH_TESTS_POWER_CUT_H

#include "block/blockdev.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CUT_SECTOR  512
#define CUT_SUBSETS 6 /* random ones for each run of writes between two flushes */

struct cut_write {
    uint64_t offset;
    size_t bytes; /* 0: a flush */
    uint8_t *data;
};

struct cut_recorder {
    struct blockdev bd;
    struct blockdev *below;
    struct cut_write *writes;
    size_t n;
};

static inline struct cut_write *cut_append(struct cut_recorder *r)
{
    r->writes = realloc(r->writes, (r->n + 1) * sizeof(*r->writes));
    r->writes[r->n] = (struct cut_write){0};
    return &r->writes[r->n++];
}

static inline int cut_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset,
                            struct err *e)
{
    return blockdev_pread(((struct cut_recorder *)bd)->below, buf, n, offset, e);
}

static inline int cut_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                             struct err *e)
{
    struct cut_recorder *r = (struct cut_recorder *)bd;
    struct cut_write *write = cut_append(r);

    *write = (struct cut_write){offset, n, malloc(n)};
    memcpy(write->data, buf, n);
    return blockdev_pwrite(r->below, buf, n, offset, e);
}

static inline int cut_flush(struct blockdev *bd, struct err *e)
{
    struct cut_recorder *r = (struct cut_recorder *)bd;

    cut_append(r);
    return blockdev_flush(r->below, e);
}

static inline int cut_fd_extent(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                                struct err *e)
{
    return blockdev_fd_extent(((struct cut_recorder *)bd)->below, range, fd, start, e);
}

static inline struct cut_recorder cut_record(struct blockdev *below)
{
    static const struct blockdev_ops ops = {.kind = "recorder",
                                            .pread = cut_pread,
                                            .pwrite = cut_pwrite,
                                            .flush = cut_flush,
                                            .fd_extent = cut_fd_extent};

    return (struct cut_recorder){.bd = {&ops, below->bytes, below->sector, "recorder"},
                                 .below = below};
}

static inline void cut_clear(struct cut_recorder *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->writes[i].data);
    free(r->writes);
    r->writes = NULL;
    r->n = 0;
}

/* Writes a part of a write: the sectors whose bit is set, all for ~0. */
static inline void cut_put(struct blockdev *disk, const struct cut_write *write, uint64_t sectors)
{
    struct err e;

    for (size_t at = 0, i = 0; at < write->bytes; at += CUT_SECTOR, i++) {
        size_t n = write->bytes - at < CUT_SECTOR ? write->bytes - at : CUT_SECTOR;

        if ((sectors >> (i % 64) & 1) != 0)
            blockdev_pwrite(disk, write->data + at, n, write->offset + at, &e);
    }
}

typedef void cut_check(struct blockdev *disk, void *arg);

struct cut_states {
    struct blockdev *disk; /* the test's to write to; it is put back after each state */
    uint8_t *base;         /* the disk as it is after all earlier flushes */
    const struct cut_write *writes;
    size_t n; /* of this run, without its flush */
    cut_check *check;
    void *arg;
    size_t states; /* how many were checked */
};

static inline void cut_restore(struct cut_states *s)
{
    struct err e;

    blockdev_pwrite(s->disk, s->base, (size_t)s->disk->bytes, 0, &e);
}

/* One state: the writes of the run whose bit is set, the `torn`-th (or none: n) with these sectors
 * only. */
static inline void cut_state(struct cut_states *s, uint64_t subset, size_t torn, uint64_t sectors)
{
    cut_restore(s);
    for (size_t i = 0; i < s->n; i++)
        if (i == torn)
            cut_put(s->disk, &s->writes[i], sectors);
        else if ((subset >> i & 1) != 0)
            cut_put(s->disk, &s->writes[i], ~UINT64_C(0));
    s->check(s->disk, s->arg);
    s->states++;
}

static inline void cut_run(struct cut_states *s, unsigned *seed)
{
    for (size_t i = 0; i <= s->n; i++) /* every prefix */
        cut_state(s, (UINT64_C(1) << i) - 1, s->n, 0);
    for (size_t i = 0; i < s->n; i++) { /* every one dropped, every one alone, every one torn */
        cut_state(s, ~(UINT64_C(1) << i), s->n, 0);
        cut_state(s, UINT64_C(1) << i, s->n, 0);
        for (int k = 0; k < 3 && s->writes[i].bytes > CUT_SECTOR; k++) {
            uint64_t sectors = (uint64_t)rand_r(seed) << 32 ^ (uint64_t)rand_r(seed) << 1;

            cut_state(s, (UINT64_C(1) << i) - 1, i, k == 0 ? 1 : k == 1 ? ~UINT64_C(1) : sectors);
            cut_state(s, ~UINT64_C(0), i, sectors);
        }
    }
    for (int k = 0; s->n > 1 && k < CUT_SUBSETS; k++)
        cut_state(s, (uint64_t)rand_r(seed), s->n, 0);
}

/* Calls check for every state between the disk as it was (`before`, all its bytes) and as it is
 * now. The disk is left as it was before. Returns how many states there were. */
static inline size_t cut_each(struct cut_recorder *r, const uint8_t *before, unsigned seed,
                              cut_check *check, void *arg)
{
    size_t bytes = (size_t)r->below->bytes, first = 0;
    struct cut_states s = {.disk = r->below, .base = malloc(bytes), .check = check, .arg = arg};

    memcpy(s.base, before, bytes);
    for (size_t i = 0; i <= r->n; i++) {
        if (i < r->n && r->writes[i].bytes > 0)
            continue;
        s.writes = &r->writes[first];
        s.n = i - first;
        cut_run(&s, &seed);
        for (size_t k = first; k < i; k++)
            memcpy(s.base + r->writes[k].offset, r->writes[k].data, r->writes[k].bytes);
        first = i + 1;
    }
    memcpy(s.base, before, bytes);
    cut_restore(&s);
    free(s.base);
    return s.states;
}

#endif
