// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * overlay.c: the library that is preloaded into a tool which works on an overlay (block/overlay.h).
 * The tool opens the overlay's file; what it reads of it comes from below where nothing was
 * written, and what it writes is marked in the map.
 *
 * Only the calls on that one file, known by its path, or by device and inode number, are changed.
 * What could read or write the file behind this library's back is refused. Without the
 * environment's three paths the library does nothing; when it cannot do its work it ends the
 * process.
 */
#include "core/overlay_store.h"
#include "preload/public.h"
#include "preload/tool_jail.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FIRST_FD 200 /* far from the numbers that a tool counts on */

static struct {
    struct overlay_store store;
    const char *path; /* of the overlay's file, as the tool is told it */
    int below;
    dev_t dev;
    ino_t ino;
    bool jailed;
} self = {.store = {.fd = -1, .filling = PTHREAD_MUTEX_INITIALIZER}, .below = -1};

static __attribute__((noreturn)) void give_up(const char *what)
{
    static const char who[] = "berth-overlay.so: ";

    (void)!syscall(SYS_write, STDERR_FILENO, who, sizeof(who) - 1);
    (void)!syscall(SYS_write, STDERR_FILENO, what, strlen(what));
    (void)!syscall(SYS_write, STDERR_FILENO, "\n", 1);
    _exit(126);
}

static int open_high(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC), high;

    if (fd < 0)
        return -1;
    high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
    close(fd);
    return high;
}

static int read_below(void *arg, void *buf, size_t n, uint64_t offset)
{
    (void)arg;
    while (n > 0) {
        ssize_t got =
            syscall(SYS_pread64, self.below, buf, n, offset + self.store.map->below_start);

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO;
        if (got <= 0)
            return -1;
        buf = (char *)buf + got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

/* All of the map, or with `counting` only the part in front of the bits. */
static struct overlay_map *map_changes(const char *path, int access, bool counting)
{
    int fd = open_high(path, access);
    struct stat st;
    size_t n;
    void *map;

    if (fd < 0 || fstat(fd, &st) < 0)
        give_up("cannot open the map");
    n = counting ? sizeof(struct overlay_map) : (size_t)st.st_size;
    /* the sixth argument of syscall() lies on the stack, where an int is half of what is read */
    map =
        (void *)syscall(SYS_mmap, NULL, n, access == O_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_NORESERVE, fd, (off_t)0);
    if (map == MAP_FAILED)
        give_up("cannot map the map");
    close(fd);
    return map;
}

static void count_tool(const char *path)
{
    struct overlay_map *map = map_changes(path, O_RDWR, true);

    __atomic_fetch_add(&map->tools, 1, __ATOMIC_RELEASE);
    munmap(map, sizeof(*map));
}

/* Of the two files only what the tool shall see. */
static void jail(void)
{
    const struct overlay_map *map = self.store.map;
    struct filter_window windows[] = {
        {self.store.fd, map->shown_start, map->shown_start + map->shown_bytes},
        {self.below, map->shown_start + map->below_start,
         map->shown_start + map->below_start + map->shown_bytes},
    };

    if (tool_jail_enter(windows, 2) < 0)
        give_up("cannot lock it up");
    self.jailed = true;
}

static __attribute__((constructor)) void attach(void)
{
    const char *map = getenv(OVERLAY_ENV_MAP), *below = getenv(OVERLAY_ENV_BELOW);
    bool jailed = getenv(OVERLAY_ENV_JAIL) != NULL;
    int access = jailed ? O_RDONLY : O_RDWR;
    struct stat st;

    self.path = getenv(OVERLAY_ENV_FILE);
    if (self.path == NULL || map == NULL || below == NULL)
        return;
    self.store.fd = open_high(self.path, access);
    self.below = open_high(below, O_RDONLY);
    if (self.store.fd < 0 || self.below < 0 || fstat(self.store.fd, &st) < 0)
        give_up("cannot open the overlay");
    self.dev = st.st_dev;
    self.ino = st.st_ino;
    self.store.read_below = read_below;
    count_tool(map);
    self.store.map = map_changes(map, access, false);
    if (jailed)
        jail();
}

/* Whether the tool means the overlay by it; the library's own descriptor passes through. */
static bool is_overlay(int fd)
{
    int saved = errno;
    struct stat st;
    bool is = self.store.map != NULL && fd != self.store.fd && syscall(SYS_fstat, fd, &st) == 0 &&
              st.st_dev == self.dev && st.st_ino == self.ino;

    errno = saved;
    return is;
}

/* The path that the tool was told is known without a look at it, which the jail forbids. */
static bool names_overlay(const char *path)
{
    int saved = errno;
    struct stat st;
    bool is;

    if (self.store.map == NULL)
        return false;
    is = strcmp(path, self.path) == 0 || (syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0) == 0 &&
                                          st.st_dev == self.dev && st.st_ino == self.ino);
    errno = saved;
    return is;
}

static int refuse(int code)
{
    errno = code;
    return -1;
}

static bool may_write(int fd)
{
    return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* As many of n bytes at offset as there are. */
static size_t clip(size_t n, uint64_t offset)
{
    uint64_t bytes = self.store.map->shown_bytes;

    return offset >= bytes ? 0 : bytes - offset < n ? (size_t)(bytes - offset) : n;
}

static ssize_t read_at(void *buf, size_t n, off_t offset)
{
    if (offset < 0)
        return refuse(EINVAL);
    n = clip(n, (uint64_t)offset);
    return overlay_store_read(&self.store, NULL, buf, n,
                              self.store.map->shown_start + (uint64_t)offset) == 0
               ? (ssize_t)n
               : -1;
}

/* Behind the end it is like a device: there is no room. */
static ssize_t write_at(int fd, const void *buf, size_t n, off_t offset)
{
    size_t part;

    if (!may_write(fd))
        return refuse(EBADF);
    if (offset < 0)
        return refuse(EINVAL);
    part = clip(n, (uint64_t)offset);
    if (part == 0 && n > 0)
        return refuse(ENOSPC);
    return overlay_store_write(&self.store, NULL, buf, part,
                               self.store.map->shown_start + (uint64_t)offset) == 0
               ? (ssize_t)part
               : -1;
}

/* ---- at an offset ---- */

PUBLIC ssize_t pread(int fd, void *buf, size_t n, off_t offset)
{
    return is_overlay(fd) ? read_at(buf, n, offset) : syscall(SYS_pread64, fd, buf, n, offset);
}
SAME_AS(pread) ssize_t pread64(int fd, void *buf, size_t n, off64_t offset);

/* The forms that _FORTIFY_SOURCE makes of it. */
PUBLIC ssize_t __pread_chk(int fd, void *buf, size_t n, off_t offset, size_t room);
PUBLIC ssize_t __pread_chk(int fd, void *buf, size_t n, off_t offset, size_t room)
{
    if (n > room)
        give_up("a read larger than its buffer");
    return pread(fd, buf, n, offset);
}
SAME_AS(__pread_chk)
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t offset, size_t room);

PUBLIC ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset)
{
    return is_overlay(fd) ? write_at(fd, buf, n, offset)
                          : syscall(SYS_pwrite64, fd, buf, n, offset);
}
SAME_AS(pwrite) ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t offset);

typedef ssize_t piece_fn(int fd, void *buf, size_t n, off_t offset);

static ssize_t read_piece(int fd, void *buf, size_t n, off_t offset)
{
    (void)fd;
    return read_at(buf, n, offset);
}

static ssize_t write_piece(int fd, void *buf, size_t n, off_t offset)
{
    return write_at(fd, buf, n, offset);
}

static ssize_t each_piece(int fd, const struct iovec *pieces, int count, off_t offset, piece_fn *fn)
{
    ssize_t total = 0;

    for (int i = 0; i < count; i++) {
        ssize_t done = fn(fd, pieces[i].iov_base, pieces[i].iov_len, offset + total);

        if (done < 0)
            return total > 0 ? total : -1;
        total += done;
        if ((size_t)done < pieces[i].iov_len)
            break;
    }
    return total;
}

PUBLIC ssize_t preadv(int fd, const struct iovec *pieces, int count, off_t offset)
{
    return is_overlay(fd) ? each_piece(fd, pieces, count, offset, read_piece)
                          : syscall(SYS_preadv, fd, pieces, count, offset, 0L);
}
SAME_AS(preadv) ssize_t preadv64(int fd, const struct iovec *pieces, int count, off64_t offset);

PUBLIC ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    return is_overlay(fd) ? each_piece(fd, pieces, count, offset, write_piece)
                          : syscall(SYS_pwritev, fd, pieces, count, offset, 0L);
}
SAME_AS(pwritev) ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset);

/* ---- at the descriptor's position ---- */

static ssize_t at_position(int fd, const struct iovec *pieces, int count, piece_fn *fn)
{
    bool appends = fn == write_piece && (fcntl(fd, F_GETFL) & O_APPEND) != 0;
    off_t offset = syscall(SYS_lseek, fd, (off_t)0, appends ? SEEK_END : SEEK_CUR);
    ssize_t done = offset < 0 ? -1 : each_piece(fd, pieces, count, offset, fn);

    if (done > 0 && syscall(SYS_lseek, fd, offset + done, SEEK_SET) < 0)
        return -1;
    return done;
}

PUBLIC ssize_t read(int fd, void *buf, size_t n)
{
    struct iovec piece = {buf, n};

    return is_overlay(fd) ? at_position(fd, &piece, 1, read_piece) : syscall(SYS_read, fd, buf, n);
}

PUBLIC ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
PUBLIC ssize_t __read_chk(int fd, void *buf, size_t n, size_t room)
{
    if (n > room)
        give_up("a read larger than its buffer");
    return read(fd, buf, n);
}

PUBLIC ssize_t write(int fd, const void *buf, size_t n)
{
    struct iovec piece = {(void *)(uintptr_t)buf, n};

    return is_overlay(fd) ? at_position(fd, &piece, 1, write_piece)
                          : syscall(SYS_write, fd, buf, n);
}

PUBLIC ssize_t readv(int fd, const struct iovec *pieces, int count)
{
    return is_overlay(fd) ? at_position(fd, pieces, count, read_piece)
                          : syscall(SYS_readv, fd, pieces, count);
}

PUBLIC ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    return is_overlay(fd) ? at_position(fd, pieces, count, write_piece)
                          : syscall(SYS_writev, fd, pieces, count);
}

/* Where the file has holes says nothing about the overlay. */
PUBLIC off_t lseek(int fd, off_t offset, int whence)
{
    if ((whence == SEEK_DATA || whence == SEEK_HOLE) && is_overlay(fd))
        return refuse(EINVAL);
    return syscall(SYS_lseek, fd, offset, whence);
}
SAME_AS(lseek) off64_t lseek64(int fd, off64_t offset, int whence);

/* ---- its size and its holes ---- */

PUBLIC int fstat(int fd, struct stat *st)
{
    if (syscall(SYS_fstat, fd, st) < 0)
        return -1;
    if (is_overlay(fd))
        st->st_size = (off_t)self.store.map->shown_bytes;
    return 0;
}
SAME_AS(fstat) int fstat64(int fd, struct stat64 *st);

PUBLIC int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    int zeroing = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
    size_t part;

    if (!is_overlay(fd))
        return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    if (!may_write(fd))
        return refuse(EBADF);
    if (offset < 0 || bytes <= 0)
        return refuse(EINVAL);
    part = clip((size_t)bytes, (uint64_t)offset);
    if ((mode & ~(zeroing | FALLOC_FL_KEEP_SIZE)) != 0)
        return refuse(EOPNOTSUPP);
    if (part < (size_t)bytes)
        return refuse(ENOSPC);
    if ((mode & zeroing) == 0)
        return 0;
    return overlay_store_zero(&self.store, NULL, self.store.map->shown_start + (uint64_t)offset,
                              part);
}
SAME_AS(fallocate) int fallocate64(int fd, int mode, off64_t offset, off64_t bytes);

PUBLIC int posix_fallocate(int fd, off_t offset, off_t bytes)
{
    return fallocate(fd, 0, offset, bytes) == 0 ? 0 : errno;
}
SAME_AS(posix_fallocate) int posix_fallocate64(int fd, off64_t offset, off64_t bytes);

/* What stands for a device cannot be cut off: a tool that has made its filesystem smaller and
 * wants to is told that it was, and nothing changes. */
PUBLIC int ftruncate(int fd, off_t bytes)
{
    if (!is_overlay(fd))
        return (int)syscall(SYS_ftruncate, fd, bytes);
    return bytes >= 0 && (uint64_t)bytes <= self.store.map->shown_bytes ? 0 : refuse(EFBIG);
}
SAME_AS(ftruncate) int ftruncate64(int fd, off64_t bytes);

/* Nothing of an overlay is meant to survive. */
PUBLIC int fsync(int fd)
{
    return is_overlay(fd) ? 0 : (int)syscall(SYS_fsync, fd);
}

PUBLIC int fdatasync(int fd)
{
    return is_overlay(fd) ? 0 : (int)syscall(SYS_fdatasync, fd);
}

/* ---- its name, and whether it is mounted ---- */

/* In the jail nothing can be opened; the overlay is open already. */
PUBLIC int open(const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    if (self.jailed && names_overlay(path))
        return (int)syscall(SYS_dup, self.store.fd);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
SAME_AS(open) int open64(const char *path, int flags, ...);

/* The file was unlinked, so its path has no other form than the one the tool got. */
PUBLIC char *realpath(const char *path, char *resolved)
{
    static char *(*real)(const char *, char *);

    if (path != NULL && names_overlay(path))
        return resolved != NULL ? strcpy(resolved, path) : strdup(path);
    if (real == NULL)
        *(void **)&real = dlvsym(RTLD_NEXT, "realpath", "GLIBC_2.3");
    return real(path, resolved);
}

PUBLIC char *__realpath_chk(const char *path, char *resolved, size_t room);
PUBLIC char *__realpath_chk(const char *path, char *resolved, size_t room)
{
    if (room < PATH_MAX)
        give_up("a path larger than its buffer");
    return realpath(path, resolved);
}

PUBLIC char *canonicalize_file_name(const char *path)
{
    return realpath(path, NULL);
}

/* Tools make sure that what they work on is not mounted. An overlay never is; and mkfs.btrfs would
 * fail for an ordinary user who may not see the file behind some loop device that is. */
PUBLIC FILE *setmntent(const char *path, const char *mode)
{
    static FILE *(*real)(const char *, const char *);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "setmntent");
    return real(self.store.map != NULL ? "/dev/null" : path, mode);
}

/* ---- what would go past this library ---- */

PUBLIC void *mmap(void *address, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (fd >= 0 && is_overlay(fd)) {
        errno = ENODEV;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, address, n, protection, flags, fd, offset);
}
SAME_AS(mmap)
void *mmap64(void *address, size_t n, int protection, int flags, int fd, off64_t offset);

PUBLIC ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t n,
                               unsigned flags)
{
    if (is_overlay(from) || is_overlay(to))
        return refuse(EXDEV);
    return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, n, flags);
}

PUBLIC ssize_t sendfile(int to, int from, off_t *offset, size_t n)
{
    if (is_overlay(from) || is_overlay(to))
        return refuse(EINVAL);
    return syscall(SYS_sendfile, to, from, offset, n);
}
SAME_AS(sendfile) ssize_t sendfile64(int to, int from, off64_t *offset, size_t n);

/* stdio reads and writes inside the C library, where nothing is preloaded. */
PUBLIC FILE *fopen(const char *path, const char *mode)
{
    static FILE *(*real)(const char *, const char *);
    FILE *file;

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fopen");
    file = real(path, mode);
    if (file != NULL && is_overlay(fileno(file)))
        give_up("the overlay cannot be read through stdio");
    return file;
}
SAME_AS(fopen) FILE *fopen64(const char *path, const char *mode);
