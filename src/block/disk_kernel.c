// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_kernel.c: partitions as the kernel knows them. */
#include "block/disk_kernel.h"
#include "block/sysfs.h"
#include "core/cleanup.h"

#include <dirent.h>
#include <linux/blkpg.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#define BUSY_TRIES 100 /* two seconds for who only looks at a partition, like udev */
#define NODE_TRIES 250

static const struct timespec pause_between = {.tv_nsec = 20 * 1000 * 1000};

static bool number_in(const char *folder, const char *name, uint64_t *number)
{
    _cleanup_free_ char *text = sysfs_text(folder, name);

    if (text != NULL)
        *number = strtoull(text, NULL, 10);
    return text != NULL;
}

/* Fills p from a subfolder of the disk in sysfs; false when that is no partition. */
static bool read_partition(const char *folder, const char *name, struct kernel_partition *p)
{
    char path[PATH_MAX];
    uint64_t number, start, size;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (!number_in(path, "partition", &number) || !number_in(path, "start", &start) ||
        !number_in(path, "size", &size))
        return false;
    p->number = (unsigned)number;
    p->range = (struct extent){start * 512, size * 512}; /* sysfs counts in 512 bytes, always */
    p->device = sysfs_device(path);
    snprintf(p->node, sizeof(p->node), "/dev/%.50s", name);
    return p->device != 0;
}

int kernel_partitions(dev_t whole, struct kernel_partition **list, size_t *n, struct err *e)
{
    char folder[SYSFS_FOLDER];
    struct dirent *entry;
    int result = 0;
    DIR *dir;

    *list = NULL;
    *n = 0;
    dir = opendir(sysfs_folder(whole, folder));
    if (dir == NULL)
        return err_errno(e, "%s", folder);
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        struct kernel_partition p, *grown;

        if (entry->d_name[0] == '.' || !read_partition(folder, entry->d_name, &p))
            continue;
        grown = realloc(*list, (*n + 1) * sizeof(p));
        if (grown == NULL) {
            result = err_no_memory(e);
            break;
        }
        *list = grown;
        grown[(*n)++] = p;
    }
    closedir(dir);
    return result;
}

bool kernel_has_partitions(dev_t whole)
{
    char folder[SYSFS_FOLDER];
    uint64_t minors;

    return !number_in(sysfs_folder(whole, folder), "ext_range", &minors) || minors > 1;
}

static int blkpg(int fd, int op, const struct disk_partition *partition)
{
    struct blkpg_partition p = {.start = (long long)partition->range.start,
                                .length = (long long)partition->range.bytes,
                                .pno = (int)partition->number};
    struct blkpg_ioctl_arg arg = {.op = op, .datalen = sizeof(p), .data = &p};

    return ioctl(fd, BLKPG, &arg);
}

int kernel_partition_add(int fd, const struct disk_partition *partition, struct err *e)
{
    if (blkpg(fd, BLKPG_ADD_PARTITION, partition) < 0)
        return err_errno(e, "telling the kernel of partition %u", partition->number);
    return 0;
}

int kernel_partition_resize(int fd, const struct disk_partition *partition, struct err *e)
{
    if (blkpg(fd, BLKPG_RESIZE_PARTITION, partition) < 0)
        return err_errno(e, "telling the kernel the new size of partition %u", partition->number);
    return 0;
}

int kernel_partition_delete(int fd, unsigned number, struct err *e)
{
    struct disk_partition p = {.number = number};

    for (int i = 0; i < BUSY_TRIES; i++) {
        if (blkpg(fd, BLKPG_DEL_PARTITION, &p) == 0)
            return 0;
        if (errno != EBUSY)
            return err_errno(e, "taking partition %u away from the kernel", number);
        nanosleep(&pause_between, NULL);
    }
    return err_set(e, ERR_IN_USE, "partition %u cannot be taken away from the kernel: it is in use",
                   number);
}

int kernel_partition_wait(const struct kernel_partition *partition, struct err *e)
{
    struct stat st;

    for (int i = 0; i < NODE_TRIES; i++) {
        if (stat(partition->node, &st) == 0 && S_ISBLK(st.st_mode) &&
            st.st_rdev == partition->device)
            return 0;
        nanosleep(&pause_between, NULL);
    }
    return err_set(e, ERR_FAILED, "%s did not appear", partition->node);
}
