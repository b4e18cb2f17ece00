// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * stream.c: one thread reads the blob, hashes it and passes it on through a pipe, from which the
 * archive's tree reads. So the bytes that were checked are the bytes that were used, whatever
 * happens to the file meanwhile, and hashing costs no time of its own.
 *
 * The thread ends when the file does, or when the stream is being closed. A tree that stops reading
 * (an archive ends before its file does) closes its end of the pipe; the thread then only hashes.
 */
#include "images/stream.h"
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/size.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE     (256 * KIB)
#define PIPE_SIZE (1 * MIB) /* what an ordinary user may ask for */

struct stream {
    struct tree *tree;
    uint64_t bytes;
    atomic_uint_fast64_t position;
    atomic_bool stop;
    struct digest *digest;
    char text[DIGEST_TEXT];
    int blob, pipe; /* pipe: the writing end, the thread's */
    pthread_t thread;
    bool running;
    int result; /* of the thread */
    struct err err;
};

/* A write to a pipe whose reader has gone must not end the program. */
static void block_sigpipe(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Passes a piece on, as long as someone reads. */
static int pass_on(struct stream *s, const char *buf, size_t n)
{
    while (n > 0 && s->pipe >= 0) {
        ssize_t put = write(s->pipe, buf, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno != EPIPE)
            return err_errno(&s->err, "passing the image on");
        if (put < 0) {
            cleanup_close(&s->pipe);
            s->pipe = -1;
            return 0;
        }
        buf += put;
        n -= (size_t)put;
    }
    return 0;
}

static int pump(struct stream *s)
{
    _cleanup_free_ char *buf = malloc(PIECE);

    if (buf == NULL)
        return err_no_memory(&s->err);
    while (!atomic_load(&s->stop)) {
        ssize_t got = read(s->blob, buf, PIECE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(&s->err, "reading the image");
        if (got == 0)
            break;
        digest_update(s->digest, buf, (size_t)got);
        atomic_fetch_add(&s->position, (uint_fast64_t)got);
        if (pass_on(s, buf, (size_t)got) < 0)
            return -1;
    }
    return 0;
}

static void *pump_thread(void *arg)
{
    struct stream *s = arg;

    block_sigpipe();
    s->result = pump(s);
    cleanup_close(&s->pipe);
    s->pipe = -1;
    return NULL;
}

static int open_blob(struct stream *s, const char *path, const char *shown, struct err *e)
{
    struct stat st;

    s->blob = open(path, O_RDONLY | O_CLOEXEC);
    if (s->blob < 0 || fstat(s->blob, &st) < 0)
        return err_errno(e, "%s", shown);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_UNSUPPORTED, "%s: not an ordinary file", shown);
    s->bytes = (uint64_t)st.st_size;
    posix_fadvise(s->blob, 0, 0, POSIX_FADV_SEQUENTIAL);
    s->digest = digest_new(e);
    return s->digest != NULL ? 0 : -1;
}

/* Starts the thread before the tree is opened: opening reads the archive's first bytes. */
static int start(struct stream *s, const char *path, const char *shown, struct err *e)
{
    int fds[2];

    if (open_blob(s, path, shown, e) < 0)
        return -1;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    fcntl(fds[1], F_SETPIPE_SZ, (int)PIPE_SIZE);
    s->pipe = fds[1];
    if (pthread_create(&s->thread, NULL, pump_thread, s) != 0) {
        close(fds[0]);
        return err_set(e, ERR_FAILED, "starting a thread failed");
    }
    s->running = true;
    s->tree = tar_tree_open(fds[0], shown, e);
    return s->tree != NULL ? 0 : -1;
}

struct stream *stream_open(const char *path, const char *shown, struct err *e)
{
    struct stream *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        err_no_memory(e);
        return NULL;
    }
    s->blob = s->pipe = -1;
    if (start(s, path, shown, e) < 0) {
        stream_close(s);
        return NULL;
    }
    return s;
}

struct tree *stream_tree(struct stream *stream)
{
    return stream->tree;
}

uint64_t stream_bytes(const struct stream *stream)
{
    return stream->bytes;
}

uint64_t stream_position(const struct stream *stream)
{
    return atomic_load(&stream->position);
}

/* Closing the tree closes the pipe's reading end, which lets the thread go on without it. */
static void join(struct stream *s)
{
    tree_close(steal(s->tree));
    if (s->running)
        pthread_join(s->thread, NULL);
    s->running = false;
}

int stream_finish(struct stream *stream, const char **digest, struct err *e)
{
    join(stream);
    if (stream->result < 0) {
        *e = stream->err;
        return -1;
    }
    digest_finish(stream->digest, stream->text);
    *digest = stream->text;
    return 0;
}

void stream_close(struct stream *stream)
{
    if (stream == NULL)
        return;
    atomic_store(&stream->stop, true);
    join(stream);
    cleanup_close(&stream->pipe);
    cleanup_close(&stream->blob);
    digest_free(stream->digest);
    free(stream);
}

void stream_cleanup(struct stream **stream)
{
    stream_close(*stream);
}
