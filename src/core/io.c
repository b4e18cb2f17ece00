// SPDX-License-Identifier: GPL-3.0-or-later
/* io.c: whole reads and writes. */
#include "core/io.h"
#include "core/cleanup.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

int io_pread(int fd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    while (n > 0) {
        ssize_t got = pread(fd, buf, n, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, "reading %zu bytes at %llu", n, (unsigned long long)offset);
        if (got == 0)
            return err_set(e, ERR_IO, "reading %zu bytes at %llu: the end comes before that", n,
                           (unsigned long long)offset);
        buf = (char *)buf + got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

int io_pwrite(int fd, const void *buf, size_t n, uint64_t offset, struct err *e)
{
    while (n > 0) {
        ssize_t put = pwrite(fd, buf, n, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(e, "writing %zu bytes at %llu", n, (unsigned long long)offset);
        buf = (const char *)buf + put;
        n -= (size_t)put;
        offset += (uint64_t)put;
    }
    return 0;
}

int io_write(int fd, const void *buf, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t put = write(fd, buf, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(e, "writing %zu bytes", n);
        buf = (const char *)buf + put;
        n -= (size_t)put;
    }
    return 0;
}

int io_read_file(const char *path, size_t max, char **data, size_t *len, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *buf = NULL;
    size_t fill = 0, room = 4096;

    if (fd < 0)
        return err_errno(e, "%s", path);
    for (;;) {
        char *grown = realloc(buf, room + 1);
        ssize_t got;

        if (grown == NULL)
            return err_no_memory(e);
        buf = grown;
        got = read(fd, buf + fill, room - fill);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EISDIR)
            return err_set(e, ERR_USAGE, "%s is a folder, not a file", path);
        if (got < 0)
            return err_errno(e, "%s", path);
        if (got == 0)
            break;
        fill += (size_t)got;
        if (fill > max)
            return err_set(e, ERR_USAGE, "%s: larger than %zu bytes", path, max);
        if (fill == room)
            room *= 2;
    }
    buf[fill] = '\0';
    if (len != NULL)
        *len = fill;
    *data = steal(buf);
    return 0;
}

int io_sync_folder(const char *path, struct err *e)
{
    char copy[PATH_MAX];
    _cleanup_close_ int fd = -1;

    snprintf(copy, sizeof(copy), "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_errno(e, "the folder of %s", path);
    return 0;
}

int io_replace_file(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
    _cleanup_free_ char *temporary = io_format(e, "%s.XXXXXX", path);
    _cleanup_close_ int fd = -1;

    if (temporary == NULL)
        return -1;
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "%s", path);
    if (io_write(fd, data, len, e) < 0) {
        unlink(temporary);
        return err_wrap(e, "%s", path);
    }
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0) {
        err_errno(e, "%s", path);
        unlink(temporary);
        return -1;
    }
    return io_sync_folder(path, e);
}

int io_make_dirs(const char *path, struct err *e)
{
    char copy[PATH_MAX];

    if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
        return err_set(e, ERR_FAILED, "%s: the path is too long", path);
    for (char *p = copy + 1;; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return err_errno(e, "making the folder %s", copy);
        if (c == '\0')
            return 0;
        *p = c;
    }
}

/* Not every filesystem has O_TMPFILE. */
static int open_unnamed(const char *folder, struct err *e)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    _cleanup_free_ char *path = NULL;

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd >= 0 ? fd : err_errno(e, "a temporary file in %s", folder);
    path = io_format(e, "%s/berth.XXXXXX", folder);
    if (path == NULL)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "a temporary file in %s", folder);
    unlink(path);
    return fd;
}

int io_temporary_file(const char *folder, uint64_t bytes, struct err *e)
{
    _cleanup_close_ int fd = open_unnamed(folder, e);

    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)bytes) < 0)
        return err_errno(e, "a temporary file of %llu bytes in %s", (unsigned long long)bytes,
                         folder);
    return steal_fd(&fd);
}

bool io_same_file(const struct stat *a, const struct stat *b)
{
    if (S_ISBLK(a->st_mode) || S_ISBLK(b->st_mode))
        return S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool io_same_path(const char *a, const char *b)
{
    struct stat there, here;

    return strcmp(a, b) == 0 ||
           (stat(a, &there) == 0 && stat(b, &here) == 0 && io_same_file(&there, &here));
}

char *io_format(struct err *e, const char *fmt, ...)
{
    char *text;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) {
        err_no_memory(e);
        return NULL;
    }
    return text;
}

int io_fill_standard_fds(struct err *e)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return err_errno(e, "/dev/null");
    } while (fd <= STDERR_FILENO);
    close(fd);
    return 0;
}
