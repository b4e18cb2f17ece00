// SPDX-License-Identifier: GPL-3.0-or-later
/* claim.c: locks on ranges of image files and device nodes, berth's own and QEMU's. */
#include "block/claim.h"
#include "block/holder.h"
#include "block/process.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#define LOCKS_MAX    (4 << 20) /* bytes of /proc/locks */
#define LINGER_TRIES 20        /* of 50 ms */

/* Byte USES+n is locked by who uses permission n, byte FORBIDS+n by who forbids it to others. */
#define USES    100
#define FORBIDS 200

/* The permissions of QEMU's block layer (qemu/include/block/block-common.h, BLK_PERM_*). */
enum { CONSISTENT_READ = 0, WRITE = 1, RESIZE = 3 };

static const char uses_write[] = "writes to it";

static int set_lock(int fd, short type, struct extent range)
{
    struct flock lock = {.l_type = type,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)range.start,
                         .l_len = (off_t)range.bytes};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

static bool byte_is_locked(int fd, unsigned byte)
{
    return claim_range_is_locked(fd, (struct extent){byte, 1});
}

/* What a QEMU does with the file that excludes changing it, NULL when there is none. berth itself
 * forbids writing (claim_keep_qemu_out), so that alone does not tell: a QEMU that does reads too.
 */
static const char *qemu_use(int fd)
{
    if (byte_is_locked(fd, USES + WRITE))
        return uses_write;
    if (byte_is_locked(fd, USES + RESIZE))
        return "changes its size";
    if (byte_is_locked(fd, FORBIDS + CONSISTENT_READ))
        return "is in the middle of changing it";
    if (byte_is_locked(fd, USES + CONSISTENT_READ) && byte_is_locked(fd, FORBIDS + WRITE))
        return "reads it and lets nobody write";
    return NULL;
}

static int refuse_qemu(const struct stat *file, const char *path, const char *use, struct err *e)
{
    _cleanup_free_ char *process = NULL;

    if (process_that_opened(file, &process, e) < 0)
        return -1;
    err_set(e, ERR_IN_USE, "%s is in use by a virtual machine (QEMU), which %s%s%s", path, use,
            process != NULL ? ": " : "", process != NULL ? process : "");
    return err_hint(e, "power that machine off first");
}

static int refuse_open(int fd, const char *path, const char *use, struct err *e)
{
    struct stat st;

    return fstat(fd, &st) < 0 ? err_errno(e, "%s", path) : refuse_qemu(&st, path, use, e);
}

int claim_check_qemu(int fd, const char *path, struct err *e)
{
    const char *use = qemu_use(fd);

    return use == NULL ? 0 : refuse_open(fd, path, use, e);
}

/* proc_locks(5): "1: OFDLCK ADVISORY  READ -1 00:05:412 101 101". */
static bool is_listed(const struct stat *file, const char *line, unsigned byte)
{
    unsigned dev_major, dev_minor;
    unsigned long long inode, start, end;

    return sscanf(line, "%*s OFDLCK %*s %*s %*s %x:%x:%llu %llu %llu", &dev_major, &dev_minor,
                  &inode, &start, &end) == 5 &&
           makedev(dev_major, dev_minor) == file->st_dev && inode == file->st_ino &&
           start <= byte && byte <= end;
}

int claim_check_listed_qemu(const struct stat *file, const char *path, struct err *e)
{
    _cleanup_free_ char *list = NULL;
    struct err ignored;

    if (io_read_file("/proc/locks", LOCKS_MAX, &list, NULL, &ignored) < 0)
        return 0;
    for (const char *line = list; *line != '\0'; line += strcspn(line, "\n"), line += *line != '\0')
        if (is_listed(file, line, USES + WRITE))
            return refuse_qemu(file, path, uses_write, e);
    return 0;
}

int claim_check_file_users(int fd, const char *path, struct err *e)
{
    _cleanup_holder_ struct holder holder = {0};
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    if (holder_of_file(&st, &holder, e) < 0)
        return -1;
    if (holder.text != NULL) {
        err_set(e, ERR_IN_USE, "%s is %s", path, holder.text);
        return err_hint(e, "%s", holder.release);
    }
    return claim_check_qemu(fd, path, e);
}

/* The lock comes first: a QEMU that comes in between sees it, or is seen. */
int claim_keep_qemu_out(int fd, const char *path, struct err *e)
{
    if (set_lock(fd, F_RDLCK, (struct extent){FORBIDS + WRITE, 1}) < 0)
        return err_errno(e, "%s: locking it", path);
    return byte_is_locked(fd, USES + WRITE) ? refuse_open(fd, path, uses_write, e) : 0;
}

bool claim_wait(unsigned *tries)
{
    static const struct timespec pause = {0, 50000000};

    if (++*tries > LINGER_TRIES)
        return false;
    nanosleep(&pause, NULL);
    return true;
}

static int lock_range(int fd, short type, struct extent range, const char *what, struct err *e)
{
    unsigned tries = 0;

    while (set_lock(fd, type, range) < 0) {
        if (errno != EAGAIN && errno != EACCES)
            return err_errno(e, "locking %s", what);
        if (!claim_wait(&tries))
            return err_set(e, ERR_IN_USE, "%s is in use by another berth", what);
    }
    return 0;
}

int claim_lock_range(int fd, struct extent range, const char *what, struct err *e)
{
    return lock_range(fd, F_WRLCK, range, what, e);
}

int claim_share_range(int fd, struct extent range, const char *what, struct err *e)
{
    return lock_range(fd, F_RDLCK, range, what, e);
}

void claim_unlock_range(int fd, struct extent range)
{
    (void)set_lock(fd, F_UNLCK, range);
}

bool claim_range_is_locked(int fd, struct extent range)
{
    struct flock lock = {.l_type = F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)range.start,
                         .l_len = (off_t)range.bytes};

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
