// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_partition.c: a disk of which this process may have one partition only. What the kernel says
 * in sysfs, which everybody may read, takes the place of the rest. */
#include "block/disk_private.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define SYSFS_SECTOR 512 /* sysfs counts in these, always */

static int not_a_partition(const char *path, struct err *e)
{
    err_set(e, ERR_USAGE, "%s is not a partition of a disk", path);
    return err_hint(e, "name a partition's node such as /dev/sda3");
}

static uint64_t number_of(const char *folder, const char *name)
{
    _cleanup_free_ char *text = sysfs_text(folder, name);

    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

/* The disk that the partition is on: size and sectors. */
static int find_whole(struct disk *d, dev_t partition, struct err *e)
{
    char folder[SYSFS_FOLDER], parent[SYSFS_FOLDER + 4];
    uint64_t sectors, sector;

    sysfs_folder(partition, folder);
    snprintf(parent, sizeof(parent), "%s/..", folder);
    if (!sysfs_has(folder, "partition") || (d->device = sysfs_device(parent)) == 0)
        return not_a_partition(d->path, e);
    sectors = number_of(parent, "size");
    sector = number_of(parent, "queue/logical_block_size");
    if (sectors == 0 || sector == 0)
        return err_set(e, ERR_FAILED, "%s: the kernel does not say how large its disk is", d->path);
    d->whole = mem_open(sectors * SYSFS_SECTOR, (unsigned)sector, e);
    return d->whole == NULL ? -1 : 0;
}

static int build(struct disk *d, unsigned *number, struct err *e)
{
    struct stat st;

    if (stat(d->path, &st) < 0)
        return err_errno(e, "%s", d->path);
    if (!S_ISBLK(st.st_mode))
        return not_a_partition(d->path, e);
    if (find_whole(d, st.st_rdev, e) < 0)
        return -1;
    d->writable = true;
    d->bd = (struct blockdev){&disk_ops, d->whole->bytes, d->whole->sector, d->path};
    if (disk_load_routes(d, e) < 0)
        return -1;
    for (size_t i = 0; i < d->n_routes; i++)
        if (d->routes[i].kernel.device == st.st_rdev) {
            *number = d->routes[i].kernel.number;
            return 0;
        }
    return not_a_partition(d->path, e);
}

/* sysfs has "!" where a node's name has "/" (cciss!c0d0). */
char *disk_of_partition(const struct disk *partition, struct err *e)
{
    char folder[SYSFS_FOLDER], target[PATH_MAX], *path;

    if (realpath(sysfs_folder(partition->device, folder), target) == NULL) {
        err_errno(e, "%s", folder);
        return NULL;
    }
    path = io_format(e, "/dev/%s", strrchr(target, '/') + 1);
    for (char *c = path; c != NULL && *c != '\0'; c++)
        if (*c == '!')
            *c = '/';
    return path;
}

struct disk *disk_open_partition(const char *node, unsigned *number, struct err *e)
{
    struct disk *d = calloc(1, sizeof(*d));

    if (d == NULL || (d->path = strdup(node)) == NULL) {
        free(d);
        err_no_memory(e);
        return NULL;
    }
    d->fd = -1;
    if (build(d, number, e) == 0)
        return d;
    disk_close(d);
    return NULL;
}

bool disk_is_one_partition(const struct disk *disk)
{
    return disk->fd < 0;
}

bool disk_may_be_read(const struct disk *partition, const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    for (size_t i = 0; i < partition->n_routes; i++)
        if (access(partition->routes[i].kernel.node, R_OK) < 0)
            return false;
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == partition->device;
}

dev_t disk_partition_device(const struct disk *disk, size_t i)
{
    return i < disk->n_routes ? disk->routes[i].kernel.device : 0;
}

bool disk_partition_range(const struct disk *disk, unsigned number, struct extent *range)
{
    for (size_t i = 0; i < disk->n_routes; i++)
        if (disk->routes[i].kernel.number == number) {
            *range = disk->routes[i].kernel.range;
            return true;
        }
    return false;
}
