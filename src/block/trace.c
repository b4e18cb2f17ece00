// SPDX-License-Identifier: GPL-3.0-or-later
/* trace.c: passes everything through and logs every change, in the order in which it is made. */
#include "block/trace.h"
#include "block/blockdev.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <fcntl.h>
#include <pthread.h>

struct trace {
    struct blockdev bd;
    struct blockdev *below;
    int fd;
    pthread_mutex_t order; /* the log's order is the device's */
};

static int log_record(struct trace *t, enum trace_op op, uint64_t offset, uint64_t bytes,
                      const void *data, struct err *e)
{
    struct trace_record record = {(uint8_t)op, offset, bytes};

    if (io_write(t->fd, &record, sizeof(record), e) < 0 ||
        (data != NULL && io_write(t->fd, data, (size_t)bytes, e) < 0))
        return err_wrap(e, "the trace");
    return 0;
}

static int trace_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    return blockdev_pread(((struct trace *)bd)->below, buf, n, offset, e);
}

static int trace_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                        struct err *e)
{
    struct trace *t = (struct trace *)bd;
    int result;

    pthread_mutex_lock(&t->order);
    result = log_record(t, TRACE_WRITE, offset, n, buf, e);
    if (result == 0)
        result = blockdev_pwrite(t->below, buf, n, offset, e);
    pthread_mutex_unlock(&t->order);
    return result;
}

static int trace_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    struct trace *t = (struct trace *)bd;
    int result;

    pthread_mutex_lock(&t->order);
    result = log_record(t, TRACE_ZERO, offset, bytes, NULL, e);
    if (result == 0)
        result = blockdev_zero(t->below, offset, bytes, e);
    pthread_mutex_unlock(&t->order);
    return result;
}

static int trace_discard(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    struct trace *t = (struct trace *)bd;
    int result;

    pthread_mutex_lock(&t->order);
    result = log_record(t, TRACE_DISCARD, offset, bytes, NULL, e);
    if (result == 0)
        result = blockdev_discard(t->below, offset, bytes, e);
    pthread_mutex_unlock(&t->order);
    return result;
}

static int trace_flush(struct blockdev *bd, struct err *e)
{
    struct trace *t = (struct trace *)bd;
    int result;

    pthread_mutex_lock(&t->order);
    result = blockdev_flush(t->below, e);
    if (result == 0)
        result = log_record(t, TRACE_FLUSH, 0, 0, NULL, e);
    pthread_mutex_unlock(&t->order);
    return result;
}

static int trace_next_data(struct blockdev *bd, uint64_t offset, struct extent *data, struct err *e)
{
    return blockdev_next_data(((struct trace *)bd)->below, offset, data, e);
}

static int trace_fd_extent(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                           struct err *e)
{
    return blockdev_fd_extent(((struct trace *)bd)->below, range, fd, start, e);
}

static void trace_close(struct blockdev *bd)
{
    struct trace *t = (struct trace *)bd;

    pthread_mutex_destroy(&t->order);
    close(t->fd);
    free(t);
}

static const struct blockdev_ops trace_ops = {
    .kind = "trace",
    .pread = trace_pread,
    .pwrite = trace_pwrite,
    .zero = trace_zero,
    .discard = trace_discard,
    .flush = trace_flush,
    .next_data = trace_next_data,
    .fd_extent = trace_fd_extent,
    .close = trace_close,
};

struct blockdev *trace_open(struct blockdev *below, const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    struct trace *t;

    if (fd < 0) {
        err_errno(e, "the trace %s", path);
        return NULL;
    }
    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        close(fd);
        err_no_memory(e);
        return NULL;
    }
    t->below = below;
    t->fd = fd;
    pthread_mutex_init(&t->order, NULL);
    t->bd = (struct blockdev){&trace_ops, below->bytes, below->sector, below->name};
    return &t->bd;
}
