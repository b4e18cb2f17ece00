// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_update.c: keeps the kernel's partitions in step with the table, and makes sure that a device
 * is still the one it was. */
#include "block/disk_private.h"
#include "block/kernel_change.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

struct update {
    struct kernel_partition *now; /* what the changes point into */
    struct kernel_change *changes;
    size_t n;
};

static void update_clear(struct update *update)
{
    free(update->now);
    free(update->changes);
}

/* Finds what the kernel has to be told: nothing of a file, or of a disk without partitions. */
static int find_update(struct disk *d, const struct disk_partition *partitions, size_t n,
                       struct update *update, struct err *e)
{
    size_t n_now;

    if (d->device == 0 || !kernel_has_partitions(d->device))
        return 0;
    if (kernel_partitions(d->device, &update->now, &n_now, e) < 0)
        return -1;
    return kernel_changes(update->now, n_now, partitions, n, d->bd.sector, &update->changes,
                          &update->n, e);
}

static struct route *route_of(struct disk *d, const struct kernel_partition *partition)
{
    for (size_t i = 0; i < d->n_routes; i++)
        if (d->routes[i].kernel.device == partition->device)
            return &d->routes[i];
    return NULL;
}

/* "partition 6 (/dev/sda6), which would get the number 5," */
static char *describe(const struct kernel_change *change, struct err *e)
{
    const struct kernel_partition *old = change->old;

    if (change->op == KERNEL_SHRINK)
        return io_format(e, "partition %u (%s), which would get smaller,", old->number, old->node);
    if (change->partition.number != 0)
        return io_format(e, "partition %u (%s), which would get the number %u,", old->number,
                         old->node, change->partition.number);
    return io_format(e, "partition %u (%s), which the table would not have,", old->number,
                     old->node);
}

/* What is to go or to shrink must not be in use, unless it is this disk that has claimed it. */
static int check_change(struct disk *d, const struct kernel_change *change, struct err *e)
{
    _cleanup_free_ char *what = NULL;
    const struct route *claimed;
    _cleanup_close_ int fd = -1;
    struct route r;

    if (change->op != KERNEL_DELETE && change->op != KERNEL_SHRINK)
        return 0;
    claimed = route_of(d, change->old);
    if (change->op == KERNEL_SHRINK && change->partition.range.start == d->may_shrink.start &&
        change->partition.range.bytes >= d->may_shrink.bytes && d->may_shrink.bytes > 0)
        return 0;
    if ((claimed != NULL && claimed->exclusive) || kernel_shows_extended(change->old, d->bd.sector))
        return 0;
    what = describe(change, e);
    if (what == NULL)
        return -1;
    r = (struct route){.kernel = *change->old};
    fd = disk_open_exclusive(&r, what, e);
    return fd < 0 ? -1 : 0;
}

static int check_update(struct disk *d, const struct update *update, struct err *e)
{
    for (size_t i = 0; i < update->n; i++)
        if (check_change(d, &update->changes[i], e) < 0)
            return -1;
    return 0;
}

int disk_check_update(struct disk *disk, const struct disk_partition *partitions, size_t n,
                      struct err *e)
{
    _cleanup_(update_clear) struct update update = {0};

    if (find_update(disk, partitions, n, &update, e) < 0 || check_update(disk, &update, e) < 0)
        return err_wrap(e, "%s", disk->path);
    return 0;
}

/* An open node keeps the kernel from deleting its partition. */
static void close_node(struct disk *d, const struct kernel_partition *partition)
{
    struct route *r = route_of(d, partition);

    if (r == NULL)
        return;
    blockdev_close(r->node);
    r->node = NULL;
    r->exclusive = false;
}

static int make_change(struct disk *d, const struct kernel_change *change, struct err *e)
{
    switch (change->op) {
    case KERNEL_DELETE:
        close_node(d, change->old);
        return kernel_partition_delete(d->fd, change->old->number, e);
    case KERNEL_SHRINK:
    case KERNEL_GROW:
        return kernel_partition_resize(d->fd, &change->partition, e);
    case KERNEL_ADD:
        return kernel_partition_add(d->fd, &change->partition, e);
    }
    return 0;
}

static int make_changes(struct disk *d, const struct update *update, struct err *e)
{
    int result = check_update(d, update, e);

    for (size_t i = 0; i < update->n && result == 0; i++)
        result = make_change(d, &update->changes[i], e);
    if (update->n == 0 || result < 0)
        return result;
    if (disk_load_routes(d, e) < 0)
        return -1;
    for (size_t i = 0; i < d->n_routes; i++)
        if (kernel_partition_wait(&d->routes[i].kernel, e) < 0)
            return -1;
    return 0;
}

void disk_let_shrink(struct disk *disk, struct extent range)
{
    disk->may_shrink = range;
}

int disk_update_kernel(struct disk *disk, const struct disk_partition *partitions, size_t n,
                       struct err *e)
{
    _cleanup_(update_clear) struct update update = {0};

    if (find_update(disk, partitions, n, &update, e) < 0 || make_changes(disk, &update, e) < 0)
        return err_wrap(e, "%s", disk->path);
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What has changed about the device, in words; NULL when nothing has. */
static const char *difference(const struct disk *d, const struct stat *path)
{
    struct disk_identity now;
    const char *what = NULL;
    uint64_t bytes;

    if (d->device == 0)
        return (uint64_t)path->st_size == d->bd.bytes ? NULL : "its size has changed";
    if (!S_ISBLK(path->st_mode) || path->st_rdev != d->device)
        return "the name is another device's now";
    if (device_sequence(d->device) != d->sequence)
        return "the device went away and another one came";
    if (ioctl(d->fd, BLKGETSIZE64, &bytes) < 0 || bytes != d->bd.bytes)
        return "its size has changed";
    device_identify(disk_device(d), &now);
    if (!same_text(now.serial, d->identity.serial))
        what = "its serial number has changed";
    else if (!same_text(now.wwn, d->identity.wwn))
        what = "its WWN has changed";
    disk_identity_clear(&now);
    return what;
}

int disk_same_device(struct disk *disk, struct err *e)
{
    const char *what;
    struct stat st;

    if (stat(disk->path, &st) < 0)
        return err_errno(e, "%s", disk->path);
    what = difference(disk, &st);
    return what == NULL ? 0
                        : err_set(e, ERR_REFUSED, "%s is not the disk that was opened: %s",
                                  disk->path, what);
}
