// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * recorder.h: a device in memory that remembers every write and flush, and what a power cut could
 * have left of them. Only for tests.
 *
 * An epoch is what lies between two flushes. A cut leaves all epochs before one, and of that one
 * anything: a prefix, all but one write, any subset, writes torn at sectors and within one.
 */
#ifndef BERTH_TESTS_RECORDER_H
#define BERTH_TESTS_RECORDER_H

#include "block/blockdev.h"

#include <stdlib.h>
#include <string.h>

#define RECORDER_SECTOR 512U
#define RECORDER_PAGE   4096U

struct recorded {
    bool is_flush;
    uint64_t offset, bytes;
    uint8_t *data;
};

struct recorder {
    struct blockdev bd;
    uint8_t *content; /* now */
    uint8_t *before;  /* when it was made */
    struct recorded *log;
    size_t n, room;
};

static inline void recorder_add(struct recorder *r, const void *data, uint64_t bytes,
                                uint64_t offset)
{
    struct recorded *entry;

    if (r->n == r->room) {
        r->room = r->room == 0 ? 64 : 2 * r->room;
        r->log = realloc(r->log, r->room * sizeof(*r->log));
    }
    entry = &r->log[r->n++];
    *entry = (struct recorded){.is_flush = data == NULL, .offset = offset, .bytes = bytes};
    if (data != NULL) {
        entry->data = malloc(bytes);
        memcpy(entry->data, data, bytes);
        memcpy(r->content + offset, data, bytes);
    }
}

static inline int recorder_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset,
                                 struct err *e)
{
    (void)e;
    memcpy(buf, ((struct recorder *)bd)->content + offset, n);
    return 0;
}

static inline int recorder_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                                  struct err *e)
{
    (void)e;
    if (n > 0)
        recorder_add((struct recorder *)bd, buf, n, offset);
    return 0;
}

static inline int recorder_flush(struct blockdev *bd, struct err *e)
{
    (void)e;
    recorder_add((struct recorder *)bd, NULL, 0, 0);
    return 0;
}

/* Pages of zeros are holes, as in a sparse file. */
static inline int recorder_next_data(struct blockdev *bd, uint64_t offset, struct extent *data,
                                     struct err *e)
{
    static const uint8_t zeros[RECORDER_PAGE];
    const struct recorder *r = (const struct recorder *)bd;
    uint64_t at = offset;

    (void)e;
    *data = (struct extent){offset, 0};
    for (bool here = false; at < bd->bytes; here = data->bytes != 0) {
        uint64_t end = (at / RECORDER_PAGE + 1) * RECORDER_PAGE;

        end = end < bd->bytes ? end : bd->bytes;
        if (memcmp(r->content + at, zeros, end - at) != 0) {
            data->start = here ? data->start : at;
            data->bytes = end - data->start;
        } else if (here) {
            return 0;
        }
        at = end;
    }
    return 0;
}

static inline void recorder_forget(struct recorder *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->log[i].data);
    r->n = 0;
    memcpy(r->before, r->content, r->bd.bytes);
}

/* The last one that was closed, for the next of its size: cuts open thousands, and under
 * AddressSanitizer fresh memory of that size costs more than all that is done with it. */
static struct recorder *recorder_spare;

static inline void recorder_free(struct recorder *r)
{
    if (r == NULL)
        return;
    free(r->log);
    free(r->content);
    free(r->before);
    free(r);
}

static inline void recorder_close(struct blockdev *bd)
{
    struct recorder *r = (struct recorder *)bd;

    for (size_t i = 0; i < r->n; i++)
        free(r->log[i].data);
    r->n = 0;
    recorder_free(recorder_spare);
    recorder_spare = r;
}

static inline struct recorder *recorder_new(uint64_t bytes)
{
    struct recorder *r = recorder_spare;

    if (r != NULL && r->bd.bytes == bytes) {
        recorder_spare = NULL;
        return r;
    }
    r = calloc(1, sizeof(*r));
    r->content = malloc(bytes);
    r->before = malloc(bytes);
    return r;
}

/* content: of `bytes` bytes, or NULL for zeros. blockdev_close(&r->bd) ends it. */
static inline struct recorder *recorder_open(const uint8_t *content, uint64_t bytes)
{
    static const struct blockdev_ops ops = {
        .kind = "recorder",
        .pread = recorder_pread,
        .pwrite = recorder_pwrite,
        .flush = recorder_flush,
        .next_data = recorder_next_data,
        .close = recorder_close,
    };
    struct recorder *r = recorder_new(bytes);

    r->bd = (struct blockdev){&ops, bytes, RECORDER_SECTOR, "the disk"};
    if (content != NULL)
        memcpy(r->content, content, bytes);
    else
        memset(r->content, 0, bytes);
    memcpy(r->before, r->content, bytes);
    return r;
}

/* What a cut left; the content is the check's to change. */
typedef void recorder_check(void *arg, uint8_t *content, uint64_t bytes);

struct recorder_cut {
    const struct recorder *r;
    uint8_t *kept, *state; /* after the flush before the epoch; what is handed to the check */
    size_t first, end;     /* the epoch's writes */
    recorder_check *check;
    void *arg;
    unsigned states; /* how many were checked */
};

enum recorder_fate { FATE_WRITTEN, FATE_LOST, FATE_TORN };

/* Some of the sectors are new; at times one of them is new only up to some byte. */
static inline void recorder_tear(uint8_t *state, const struct recorded *w)
{
    for (uint64_t at = 0; at < w->bytes; at += RECORDER_SECTOR) {
        uint64_t n = w->bytes - at < RECORDER_SECTOR ? w->bytes - at : RECORDER_SECTOR;

        if (random() % 4 == 0)
            n = (uint64_t)random() % (random() % 2 == 0 ? n : n / 8 + 1);
        if (random() % 2 == 0)
            memcpy(state + w->offset + at, w->data + at, n);
    }
}

static inline void recorder_apply(uint8_t *state, const struct recorded *w, enum recorder_fate fate)
{
    if (fate == FATE_WRITTEN)
        memcpy(state + w->offset, w->data, w->bytes);
    else if (fate == FATE_TORN)
        recorder_tear(state, w);
}

/* True when nothing would be lost now. */
static inline bool recorder_is_flushed(const struct recorder *r)
{
    return r->n == 0 || r->log[r->n - 1].is_flush;
}

typedef enum recorder_fate recorder_choice(size_t i, size_t chosen);

static inline enum recorder_fate recorder_prefix(size_t i, size_t chosen)
{
    return i < chosen ? FATE_WRITTEN : FATE_LOST;
}

static inline enum recorder_fate recorder_without(size_t i, size_t chosen)
{
    return i == chosen ? FATE_LOST : FATE_WRITTEN;
}

static inline enum recorder_fate recorder_torn(size_t i, size_t chosen)
{
    return i == chosen ? FATE_TORN : FATE_WRITTEN;
}

static inline enum recorder_fate recorder_any(size_t i, size_t chosen)
{
    (void)i;
    (void)chosen;
    return (enum recorder_fate)(random() % 3);
}

static inline void recorder_try(struct recorder_cut *cut, recorder_choice *choose, size_t chosen)
{
    memcpy(cut->state, cut->kept, cut->r->bd.bytes);
    for (size_t i = cut->first; i < cut->end; i++)
        recorder_apply(cut->state, &cut->r->log[i], choose(i - cut->first, chosen));
    cut->check(cut->arg, cut->state, cut->r->bd.bytes);
    cut->states++;
}

/* Checks what cuts in the epoch leave; subsets: how many random ones. */
static inline void recorder_try_epoch(struct recorder_cut *cut, unsigned subsets)
{
    size_t n = cut->end - cut->first;

    for (size_t i = 0; i <= n; i++)
        recorder_try(cut, recorder_prefix, i);
    for (size_t i = 0; i < n; i++) {
        recorder_try(cut, recorder_without, i);
        recorder_try(cut, recorder_torn, i);
    }
    for (unsigned i = 0; n > 0 && i < subsets; i++)
        recorder_try(cut, recorder_any, 0);
}

/* Checks every cut since the recorder was made (or told to forget); returns how many there were. */
static inline unsigned recorder_cut(const struct recorder *r, unsigned subsets,
                                    recorder_check *check, void *arg)
{
    struct recorder_cut cut = {.r = r, .check = check, .arg = arg};

    cut.kept = malloc(r->bd.bytes);
    cut.state = malloc(r->bd.bytes);
    memcpy(cut.kept, r->before, r->bd.bytes);
    for (cut.first = 0; cut.first <= r->n; cut.first = cut.end + 1) {
        cut.end = cut.first;
        while (cut.end < r->n && !r->log[cut.end].is_flush)
            cut.end++;
        recorder_try_epoch(&cut, subsets);
        for (size_t i = cut.first; i < cut.end; i++)
            recorder_apply(cut.kept, &r->log[i], FATE_WRITTEN);
    }
    free(cut.kept);
    free(cut.state);
    return cut.states;
}

#endif
