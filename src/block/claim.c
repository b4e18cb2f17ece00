// SPDX-License-Identifier: GPL-3.0-or-later
/* claim.c: asks the kernel who uses what, and locks ranges of image files. */
#include "block/claim.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <libmount.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define QEMU_USES_WRITE    101
#define QEMU_FORBIDS_WRITE 201

/* The first mount point of the device in this namespace, or NULL. */
static char *mount_point(dev_t device)
{
    struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
    struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
    struct libmnt_fs *fs;
    char *found = NULL;

    while (table != NULL && iter != NULL && found == NULL &&
           mnt_table_next_fs(table, iter, &fs) == 0) {
        if (mnt_fs_get_devno(fs) == device)
            found = strdup(mnt_fs_get_target(fs));
    }
    mnt_free_iter(iter);
    mnt_unref_table(table);
    return found;
}

static bool is_swap(dev_t device)
{
    struct libmnt_table *table = mnt_new_table();
    struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
    struct libmnt_fs *fs;
    bool found = false;

    if (table != NULL && iter != NULL && mnt_table_parse_swaps(table, NULL) == 0) {
        while (!found && mnt_table_next_fs(table, iter, &fs) == 0) {
            struct stat st;
            const char *source = mnt_fs_get_source(fs);

            found = source != NULL && stat(source, &st) == 0 && S_ISBLK(st.st_mode) &&
                    st.st_rdev == device;
        }
    }
    mnt_free_iter(iter);
    mnt_unref_table(table);
    return found;
}

/* The first entry of the device's holders folder in sysfs ("dm-0", "md0"), or NULL. */
static char *first_holder(dev_t device)
{
    char path[64];
    char *found = NULL;
    struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(device), minor(device));
    folder = opendir(path);
    while (folder != NULL && found == NULL && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            found = strdup(entry->d_name);
    if (folder != NULL)
        closedir(folder);
    return found;
}

int claim_device_holder(dev_t device, char **holder, char **mountpoint, struct err *e)
{
    _cleanup_free_ char *mounted = mount_point(device);
    _cleanup_free_ char *other = NULL;

    *holder = NULL;
    if (mountpoint != NULL)
        *mountpoint = NULL;
    if (mounted != NULL) {
        *holder = io_format(e, "mounted on %s", mounted);
        if (*holder == NULL)
            return -1;
        if (mountpoint != NULL)
            *mountpoint = steal(mounted);
        return 0;
    }
    if (is_swap(device)) {
        *holder = io_format(e, "swap in use");
        return *holder == NULL ? -1 : 0;
    }
    other = first_holder(device);
    if (other != NULL) {
        *holder = io_format(e, "held by %s", other);
        return *holder == NULL ? -1 : 0;
    }
    return 0;
}

/* True when the loop device of that name shows the file st. */
static bool loop_shows(const char *loop, const struct stat *st)
{
    char path[PATH_MAX];
    _cleanup_free_ char *backing = NULL;
    struct err ignored;
    struct stat other;

    snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", loop);
    if (io_read_file(path, PATH_MAX, &backing, NULL, &ignored) < 0)
        return false;
    backing[strcspn(backing, "\n")] = '\0';
    return stat(backing, &other) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

static int check_loops(const struct stat *st, const char *path, struct err *e)
{
    struct dirent *entry;
    DIR *folder = opendir("/sys/block");
    int result = 0;

    while (folder != NULL && result == 0 && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, "loop", 4) == 0 && loop_shows(entry->d_name, st)) {
            err_set(e, ERR_IN_USE, "%s is in use by /dev/%s", path, entry->d_name);
            result = err_hint(e, "losetup --detach /dev/%s", entry->d_name);
        }
    }
    if (folder != NULL)
        closedir(folder);
    return result;
}

int claim_check_file_users(int fd, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    if (check_loops(&st, path, e) < 0)
        return -1;
    if (claim_range_is_locked(fd, (struct extent){QEMU_USES_WRITE, 1})) {
        err_set(e, ERR_IN_USE, "%s is in use by a virtual machine (QEMU)", path);
        return err_hint(e, "power that machine off first");
    }
    return 0;
}

static int set_lock(int fd, short type, struct extent range)
{
    struct flock lock = {.l_type = type,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)range.start,
                         .l_len = (off_t)range.bytes};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

int claim_keep_qemu_out(int fd, const char *path, struct err *e)
{
    if (set_lock(fd, F_RDLCK, (struct extent){QEMU_FORBIDS_WRITE, 1}) < 0)
        return err_errno(e, "%s: locking it", path);
    return 0;
}

int claim_lock_range(int fd, struct extent range, const char *what, struct err *e)
{
    if (set_lock(fd, F_WRLCK, range) == 0)
        return 0;
    if (errno != EAGAIN && errno != EACCES)
        return err_errno(e, "locking %s", what);
    return err_set(e, ERR_IN_USE, "%s is in use by another berth", what);
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
