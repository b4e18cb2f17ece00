// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk_log_open.c: opens the file that a person names for the journal, or makes it.
 *
 * A file that is new gets all of its room at once: that there is none shows before the disk is
 * changed, and not in the middle of the work.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "log/disk_log_parts.h"
#include "log/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MOST  (64 * MIB) /* of a file that is made new */
#define BYTES_LEAST (1 * MIB)

static int open_or_make(const char *path, bool *made, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    *made = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? log_refuse_to_write(path, access(path, F_OK) == 0, e) : fd;
}

/* Makes the file so large, without holes where its filesystem knows such. 1: done, 0: there is no
 * room for it. */
static int reserve(int fd, const char *path, uint64_t bytes, struct err *e)
{
    if (ftruncate(fd, (off_t)bytes) == 0 &&
        (fallocate(fd, 0, 0, (off_t)bytes) == 0 || errno == EOPNOTSUPP))
        return 1;
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG
               ? 0
               : err_errno(e, "the journal %s", path);
}

static int no_room(const char *path, uint64_t bytes, struct err *e)
{
    char size[SIZE_TEXT];

    err_set(e, ERR_NO_SPACE, "--journal %s: where it is there is no room for %s", path,
            size_human(bytes, size, sizeof(size)));
    return err_hint(e, "name a file on another disk that has room for it");
}

/* As large as there is room for. */
static int make_large(int fd, const char *path, struct err *e)
{
    int done = 0;

    for (uint64_t bytes = BYTES_MOST; done == 0 && bytes >= BYTES_LEAST; bytes /= 2)
        done = reserve(fd, path, bytes, e);
    if (done > 0)
        return fsync(fd) < 0 ? err_errno(e, "the journal %s", path) : 0;
    (void)ftruncate(fd, 0); /* what little room there was */
    return done < 0 ? -1 : no_room(path, BYTES_LEAST, e);
}

/* A file that a person has made may have holes. One that has work gets no more than it has: that
 * can go on with little room. */
static int fill_holes(struct disk_log *log, int fd, struct err *e)
{
    int done = log->area.sequence > 0 ? 1 : reserve(fd, log->path, log->file->bytes, e);

    return done == 0 ? no_room(log->path, log->file->bytes, e) : done < 0 ? -1 : 0;
}

/* The descriptor becomes the log's. */
static int take(struct disk_log *log, int fd, const char *path, bool has_holes, struct err *e)
{
    struct extent all = {0, 0};

    log->journal = log->file = file_from_fd(fd, path, 512, e);
    if (log->file == NULL)
        return -1;
    log->path = realpath(path, NULL);
    if (log->path == NULL)
        return err_errno(e, "the journal %s", path);
    all.bytes = log->file->bytes;
    if (area_choose(log->file, &all, 1, &log->area, e) < 0)
        return -1;
    return has_holes ? fill_holes(log, fd, e) : 0;
}

int log_open_file(struct disk_log *log, const char *path, struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct stat st;
    bool made;
    int result;

    fd = open_or_make(path, &made, e);
    if (fd < 0)
        return -1;
    result = fstat(fd, &st) < 0 ? err_errno(e, "the journal %s", path) : 0;
    if (result == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
        result = make_large(fd, path, e);
    if (result == 0)
        result = take(log, steal_fd(&fd), path, S_ISREG(st.st_mode) && st.st_size > 0, e);
    if (result < 0 && made)
        (void)unlink(path);
    return result;
}

void disk_log_close(struct disk_log *log)
{
    if (log->own != NULL)
        disk_log_close(log->own);
    free(log->own);
    undo_forget(log);
    table_free(log->there);
    area_clear(&log->area);
    area_clear(&log->behind);
    history_free(log->history);
    blockdev_close(log->file);
    free(log->path);
    *log = (struct disk_log){0};
}
