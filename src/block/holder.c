// SPDX-License-Identifier: GPL-3.0-or-later
/* holder.c: who uses a device or a file. Each kind of use is one function that leaves the holder
 * empty when it is not that. */
#include "block/holder.h"
#include "block/libmount.h"
#include "block/process.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"

#include <limits.h>
#include <string.h>

bool holder_names(const char *path, const struct stat *st)
{
    struct stat other;

    return path != NULL && stat(path, &other) == 0 && io_same_file(&other, st);
}

static int fill(struct holder *holder, char *text, char *release)
{
    holder->text = text;
    holder->release = release;
    return text == NULL || release == NULL ? -1 : 0;
}

/* btrfs gives its mounts a device number of their own: there the source is what tells. */
static bool is_mount_of(struct libmnt_fs *fs, const struct stat *device)
{
    const char *type = lm.mnt_fs_get_fstype(fs);

    return lm.mnt_fs_get_devno(fs) == device->st_rdev ||
           (type != NULL && strcmp(type, "btrfs") == 0 &&
            holder_names(lm.mnt_fs_get_srcpath(fs), device));
}

static int find_mount(const struct stat *device, struct holder *holder, struct err *e)
{
    struct libmnt_table *table = lm.mnt_new_table_from_file("/proc/self/mountinfo");
    struct libmnt_iter *iter = lm.mnt_new_iter(MNT_ITER_FORWARD);
    struct libmnt_fs *fs;
    int result = 0;

    while (table != NULL && iter != NULL && lm.mnt_table_next_fs(table, iter, &fs) == 0) {
        const char *target = lm.mnt_fs_get_target(fs);

        if (target == NULL || !is_mount_of(fs, device))
            continue;
        result = fill(holder, io_format(e, "mounted on %s", target),
                      io_format(e, "umount %s", shell_quote(target).text));
        holder->mountpoint = strdup(target);
        break;
    }
    lm.mnt_free_iter(iter);
    lm.mnt_unref_table(table);
    return result;
}

static int find_swap(const struct stat *st, struct holder *holder, struct err *e)
{
    struct libmnt_table *table = lm.mnt_new_table();
    struct libmnt_iter *iter = lm.mnt_new_iter(MNT_ITER_FORWARD);
    struct libmnt_fs *fs;
    int result = 0;

    if (table != NULL && iter != NULL && lm.mnt_table_parse_swaps(table, NULL) == 0) {
        while (holder->text == NULL && result == 0 && lm.mnt_table_next_fs(table, iter, &fs) == 0) {
            const char *source = lm.mnt_fs_get_source(fs);

            if (holder_names(source, st))
                result = fill(holder, io_format(e, "in use as swap"),
                              io_format(e, "swapoff %s", shell_quote(source).text));
        }
    }
    lm.mnt_free_iter(iter);
    lm.mnt_unref_table(table);
    return result;
}

/* A btrfs over several devices is mounted by the name of one; the others are in sysfs only. */
static int find_btrfs(const char *folder, struct holder *holder, struct err *e)
{
    char path[PATH_MAX], member[PATH_MAX + NAME_MAX];
    struct dirent **filesystems;
    int n, result = 0;

    if (realpath(folder, path) == NULL)
        return 0;
    n = sysfs_entries("/sys/fs", "btrfs", &filesystems);
    for (int i = 0; i < n && holder->text == NULL && result == 0; i++) {
        const char *uuid = filesystems[i]->d_name;

        snprintf(member, sizeof(member), "/sys/fs/btrfs/%s/devices%s", uuid, strrchr(path, '/'));
        if (access(member, F_OK) == 0)
            result = fill(holder, io_format(e, "held by the mounted btrfs filesystem %s", uuid),
                          io_format(e, "unmount that filesystem"));
    }
    sysfs_entries_free(filesystems, n);
    return result;
}

/* bcache takes a device without stacking anything on it until both its halves are there. */
static int find_bcache(const char *folder, struct holder *holder, struct err *e)
{
    char path[PATH_MAX];

    if (!sysfs_has(folder, "bcache") || realpath(folder, path) == NULL)
        return 0;
    return fill(holder, io_format(e, "registered with bcache"),
                io_format(e, "echo 1 > %s/bcache/stop", path));
}

int holder_of_device(dev_t device, struct holder *holder, struct err *e)
{
    struct stat st = {.st_mode = S_IFBLK, .st_rdev = device};
    char folder[SYSFS_FOLDER];
    int result;

    *holder = (struct holder){0};
    if (libmount_load(e) < 0)
        return -1;
    sysfs_folder(device, folder);
    result = find_mount(&st, holder, e);
    if (result == 0 && holder->text == NULL)
        result = find_swap(&st, holder, e);
    if (result == 0 && holder->text == NULL)
        result = holder_stacked(folder, holder, e);
    if (result == 0 && holder->text == NULL)
        result = find_btrfs(folder, holder, e);
    if (result == 0 && holder->text == NULL)
        result = find_bcache(folder, holder, e);
    if (result == 0 && holder->text == NULL)
        result = holder_loop(&st, NULL, holder, e);
    return result;
}

int holder_of_file(const struct stat *file, struct holder *holder, struct err *e)
{
    *holder = (struct holder){0};
    if (libmount_load(e) < 0 || holder_loop(file, NULL, holder, e) < 0)
        return -1;
    return holder->text != NULL ? 0 : find_swap(file, holder, e);
}

int holder_elsewhere(dev_t device, struct holder *holder, struct err *e)
{
    struct stat st = {.st_mode = S_IFBLK, .st_rdev = device};

    *holder = (struct holder){0};
    if (process_that_mounts(device, &holder->text, e) < 0)
        return -1;
    if (holder->text == NULL && process_that_opened(&st, &holder->text, e) < 0)
        return -1;
    if (holder->text == NULL)
        holder->text = io_format(e, "held by another program or mount namespace");
    return holder->text == NULL ? -1 : 0;
}

void holder_clear(struct holder *holder)
{
    free(holder->text);
    free(holder->mountpoint);
    free(holder->release);
    *holder = (struct holder){0};
}
