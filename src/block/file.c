// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * file.c: an ordinary file or a block device node as a device.
 *
 * Two descriptors: a buffered one for small and odd transfers, and one with O_DIRECT, where the
 * filesystem has it, for large aligned writes. The kernel keeps the two coherent within one file.
 */
#include "block/blockdev.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define DIRECT_ALIGN 4096
#define DIRECT_MIN   (256 * KIB)

struct file {
    struct blockdev bd;
    int fd;
    int direct_fd;  /* -1 where it cannot be had */
    bool forgotten; /* nothing in it has to survive */
    char *name;
};

static bool goes_direct(const struct file *f, const void *buf, size_t n, uint64_t offset)
{
    return f->direct_fd >= 0 && n >= DIRECT_MIN &&
           ((uintptr_t)buf | n | offset) % DIRECT_ALIGN == 0;
}

static int file_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    struct file *f = (struct file *)bd;

    if (io_pread(f->fd, buf, n, offset, e) < 0)
        return err_wrap(e, "%s", f->name);
    return 0;
}

static int file_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                       struct err *e)
{
    struct file *f = (struct file *)bd;
    int fd = goes_direct(f, buf, n, offset) ? f->direct_fd : f->fd;

    if (io_pwrite(fd, buf, n, offset, e) < 0)
        return err_wrap(e, "%s", f->name);
    return 0;
}

static int file_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    struct file *f = (struct file *)bd;
    static const int modes[] = {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
    char zeros[4096] = {0};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (fallocate(f->fd, modes[i], (off_t)offset, (off_t)bytes) == 0)
            return 0;
    while (bytes > 0) {
        size_t n = bytes < sizeof(zeros) ? (size_t)bytes : sizeof(zeros);

        if (file_pwrite(bd, zeros, n, offset, e) < 0)
            return -1;
        offset += n;
        bytes -= n;
    }
    return 0;
}

static int file_discard(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    struct file *f = (struct file *)bd;
    uint64_t range[2] = {offset, bytes};
    struct stat st;

    /* A hint: that the medium cannot take it is no failure. */
    if (fstat(f->fd, &st) == 0 && S_ISBLK(st.st_mode))
        (void)ioctl(f->fd, BLKDISCARD, range);
    else
        (void)fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                        (off_t)bytes);
    (void)e;
    return 0;
}

static int file_flush(struct blockdev *bd, struct err *e)
{
    struct file *f = (struct file *)bd;

    if (!f->forgotten && fdatasync(f->fd) < 0)
        return err_errno(e, "%s: flushing", f->name);
    return 0;
}

static int file_next_data(struct blockdev *bd, uint64_t offset, struct extent *data, struct err *e)
{
    struct file *f = (struct file *)bd;
    off_t start, end;

    *data = (struct extent){offset, 0};
    if (offset >= bd->bytes)
        return 0;
    start = lseek(f->fd, (off_t)offset, SEEK_DATA);
    if (start < 0 && errno == ENXIO)
        return 0;
    if (start < 0) { /* no holes known here, as on a block device */
        data->bytes = bd->bytes - offset;
        return 0;
    }
    end = lseek(f->fd, start, SEEK_HOLE);
    if (end == -1)
        return err_errno(e, "%s: finding holes", f->name);
    if (end < 0) /* the kernel goes on to the end of a page, which no offset can say any more */
        end = (off_t)bd->bytes;
    *data = (struct extent){(uint64_t)start, (uint64_t)(end - start)};
    return 0;
}

static int file_fd_extent(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                          struct err *e)
{
    (void)e;
    *fd = ((struct file *)bd)->fd;
    *start = range.start;
    return 0;
}

static void file_close(struct blockdev *bd)
{
    struct file *f = (struct file *)bd;

    cleanup_close(&f->fd);
    cleanup_close(&f->direct_fd);
    free(f->name);
    free(f);
}

static const struct blockdev_ops file_ops = {
    .kind = "file",
    .pread = file_pread,
    .pwrite = file_pwrite,
    .zero = file_zero,
    .discard = file_discard,
    .flush = file_flush,
    .next_data = file_next_data,
    .fd_extent = file_fd_extent,
    .close = file_close,
};

/* A second description of the same file, for O_DIRECT; -1 where there is none. */
static int open_direct(int fd)
{
    char path[64];
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
        return -1;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
}

struct blockdev *file_from_fd(int fd, const char *name, unsigned sector, struct err *e)
{
    _cleanup_close_ int owned = fd;
    struct file *f;
    off_t bytes = lseek(fd, 0, SEEK_END);

    if (bytes < 0) {
        err_errno(e, "%s: finding its size", name);
        return NULL;
    }
    f = calloc(1, sizeof(*f));
    if (f == NULL || (f->name = strdup(name)) == NULL) {
        free(f);
        err_no_memory(e);
        return NULL;
    }
    f->fd = steal_fd(&owned);
    f->direct_fd = open_direct(fd);
    f->bd = (struct blockdev){&file_ops, (uint64_t)bytes, sector, f->name};
    return &f->bd;
}

struct blockdev *file_forgotten(int fd, const char *name, unsigned sector, struct err *e)
{
    struct blockdev *bd = file_from_fd(fd, name, sector, e);

    if (bd != NULL)
        ((struct file *)bd)->forgotten = true;
    return bd;
}

struct blockdev *file_open(const char *path, bool writable, unsigned sector, struct err *e)
{
    int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);

    if (fd < 0) {
        err_errno(e, "%s", path);
        return NULL;
    }
    return file_from_fd(fd, path, sector, e);
}
