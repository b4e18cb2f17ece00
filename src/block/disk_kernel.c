// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_kernel.c: partitions as the kernel knows them. */
#include "block/disk_kernel.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <dirent.h>
#include <linux/blkpg.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

/* One attribute of sysfs as text without its newline; false when it is not there. */
static bool attribute(const char *folder, const char *name, char *value, size_t len)
{
    char path[PATH_MAX];
    _cleanup_free_ char *text = NULL;
    struct err ignored;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (io_read_file(path, 4096, &text, NULL, &ignored) < 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    snprintf(value, len, "%s", text);
    return true;
}

/* Fills p from a subfolder of the disk in sysfs; false when that is no partition. */
static bool read_partition(const char *folder, const char *name, struct kernel_partition *p)
{
    char path[PATH_MAX], number[32], start[32], size[32], device[32];
    unsigned maj, min;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (!attribute(path, "partition", number, sizeof(number)) ||
        !attribute(path, "start", start, sizeof(start)) ||
        !attribute(path, "size", size, sizeof(size)) ||
        !attribute(path, "dev", device, sizeof(device)) || sscanf(device, "%u:%u", &maj, &min) != 2)
        return false;
    p->number = (unsigned)strtoul(number, NULL, 10);
    p->range.start = strtoull(start, NULL, 10) * 512; /* sysfs counts in 512 bytes, always */
    p->range.bytes = strtoull(size, NULL, 10) * 512;
    p->device = makedev(maj, min);
    snprintf(p->node, sizeof(p->node), "/dev/%.50s", name);
    return true;
}

int kernel_partitions(dev_t whole, struct kernel_partition **list, size_t *n, struct err *e)
{
    char folder[64];
    struct dirent *entry;
    int result = 0;
    DIR *dir;

    *list = NULL;
    *n = 0;
    snprintf(folder, sizeof(folder), "/sys/dev/block/%u:%u", major(whole), minor(whole));
    dir = opendir(folder);
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

static int blkpg(int fd, int op, struct blkpg_partition *partition)
{
    struct blkpg_ioctl_arg arg = {.op = op, .datalen = sizeof(*partition), .data = partition};

    return ioctl(fd, BLKPG, &arg);
}

int kernel_partition_add(int fd, const struct disk_partition *partition, struct err *e)
{
    struct blkpg_partition p = {.start = (long long)partition->range.start,
                                .length = (long long)partition->range.bytes,
                                .pno = (int)partition->number};

    if (blkpg(fd, BLKPG_ADD_PARTITION, &p) < 0)
        return err_errno(e, "telling the kernel of partition %u", partition->number);
    return 0;
}

int kernel_partition_delete(int fd, unsigned number, struct err *e)
{
    struct blkpg_partition p = {.pno = (int)number};

    if (blkpg(fd, BLKPG_DEL_PARTITION, &p) == 0)
        return 0;
    if (errno == EBUSY)
        return err_set(e, ERR_IN_USE, "partition %u, which the table does not have, is in use",
                       number);
    return err_errno(e, "taking partition %u away from the kernel", number);
}

int kernel_partition_wait(const struct kernel_partition *partition, struct err *e)
{
    static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    struct stat st;

    for (int i = 0; i < 250; i++) {
        if (stat(partition->node, &st) == 0 && S_ISBLK(st.st_mode) &&
            st.st_rdev == partition->device)
            return 0;
        nanosleep(&pause, NULL);
    }
    return err_set(e, ERR_FAILED, "%s did not appear", partition->node);
}
