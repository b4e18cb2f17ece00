// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write_stream.c: buffers between the thread that fills a filesystem and the one that writes.
 *
 * Buffers are written in the order in which they were filled, so that a later write to a reused
 * block wins. A buffer holds one contiguous range. After the first failed write nothing more is
 * written, and every later call reports that failure.
 */
#include "tree/ext_write_stream.h"
#include "core/size.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (4 * MIB)
#define N_BUFFERS    8 /* enough to ride out a moment without the processor */

struct buffer {
    char *bytes;
    size_t used;
    uint64_t offset; /* on the device */
};

struct ext_stream {
    struct blockdev *bd;
    struct buffer buffers[N_BUFFERS];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock: buffers [written, filled) of the endless sequence wait for the thread */
    uint64_t filled, written;
    bool ending, failed;
    struct err err;
    /* the filling side's own */
    struct buffer *current; /* NULL: none begun */
    bool joined;
};

static struct buffer *nth(struct ext_stream *stream, uint64_t n)
{
    return &stream->buffers[n % N_BUFFERS];
}

/* Writes one buffer without the lock, unless an earlier one failed. */
static void write_one(struct ext_stream *stream, const struct buffer *buffer, bool skip)
{
    struct err err;
    int result = 0;

    if (!skip)
        result = blockdev_pwrite(stream->bd, buffer->bytes, buffer->used, buffer->offset, &err);
    pthread_mutex_lock(&stream->lock);
    if (result < 0) {
        stream->failed = true;
        stream->err = err;
    }
    stream->written++;
    pthread_cond_broadcast(&stream->changed);
}

static void *writer(void *arg)
{
    struct ext_stream *stream = arg;

    pthread_mutex_lock(&stream->lock);
    for (;;) {
        bool skip;

        while (stream->filled == stream->written && !stream->ending)
            pthread_cond_wait(&stream->changed, &stream->lock);
        if (stream->filled == stream->written)
            break;
        skip = stream->failed;
        pthread_mutex_unlock(&stream->lock);
        write_one(stream, nth(stream, stream->written), skip);
    }
    pthread_mutex_unlock(&stream->lock);
    return NULL;
}

static void free_stream(struct ext_stream *stream)
{
    for (int i = 0; i < N_BUFFERS; i++)
        free(stream->buffers[i].bytes);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

struct ext_stream *ext_stream_open(struct blockdev *bd, struct err *e)
{
    struct ext_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        err_no_memory(e);
        return NULL;
    }
    stream->bd = bd;
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->changed, NULL);
    for (int i = 0; i < N_BUFFERS; i++) {
        if (posix_memalign((void **)&stream->buffers[i].bytes, 4096, BUFFER_BYTES) != 0) {
            stream->buffers[i].bytes = NULL;
            err_no_memory(e);
            free_stream(stream);
            return NULL;
        }
    }
    errno = pthread_create(&stream->thread, NULL, writer, stream);
    if (errno != 0) {
        err_errno(e, "starting the writer thread");
        free_stream(stream);
        return NULL;
    }
    return stream;
}

static void submit(struct ext_stream *stream)
{
    if (stream->current == NULL)
        return;
    stream->current = NULL;
    pthread_mutex_lock(&stream->lock);
    stream->filled++;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
}

/* Begins a buffer for the offset, when one is free. */
static int begin(struct ext_stream *stream, uint64_t offset, struct err *e)
{
    bool failed;

    pthread_mutex_lock(&stream->lock);
    while (stream->filled - stream->written == N_BUFFERS)
        pthread_cond_wait(&stream->changed, &stream->lock);
    failed = stream->failed;
    if (failed)
        *e = stream->err;
    pthread_mutex_unlock(&stream->lock);
    if (failed)
        return -1;
    /* only this side changes filled, so reading it needs no lock */
    stream->current = nth(stream, stream->filled);
    stream->current->used = 0;
    stream->current->offset = offset;
    return 0;
}

int ext_stream_put(struct ext_stream *stream, uint64_t offset, const void *buf, uint64_t n,
                   struct err *e)
{
    const char *from = buf;

    while (n > 0) {
        struct buffer *b = stream->current;
        size_t part;

        if (b != NULL && (b->used == BUFFER_BYTES || b->offset + b->used != offset))
            submit(stream);
        if (stream->current == NULL && begin(stream, offset, e) < 0)
            return -1;
        b = stream->current;
        part = BUFFER_BYTES - b->used < n ? (size_t)(BUFFER_BYTES - b->used) : (size_t)n;
        if (from != NULL) {
            memcpy(b->bytes + b->used, from, part);
            from += part;
        } else {
            memset(b->bytes + b->used, 0, part);
        }
        b->used += part;
        offset += part;
        n -= part;
    }
    return 0;
}

static void end_thread(struct ext_stream *stream)
{
    if (stream->joined)
        return;
    pthread_mutex_lock(&stream->lock);
    stream->ending = true;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
    pthread_join(stream->thread, NULL);
    stream->joined = true;
}

int ext_stream_finish(struct ext_stream *stream, struct err *e)
{
    submit(stream);
    end_thread(stream);
    if (!stream->failed)
        return 0;
    *e = stream->err;
    return -1;
}

void ext_stream_close(struct ext_stream *stream)
{
    if (stream == NULL)
        return;
    end_thread(stream);
    free_stream(stream);
}
