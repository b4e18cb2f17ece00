// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_kernel.h: the kernel's view of a disk's partitions (sysfs, BLKPG). For disk.c only. */
#ifndef BERTH_BLOCK_DISK_KERNEL_H
#define BERTH_BLOCK_DISK_KERNEL_H

#include "block/disk.h"

#include <stddef.h>

struct kernel_partition {
    unsigned number;
    struct extent range;
    dev_t device;
    char node[64]; /* "/dev/sda1" */
};

/* Lists what the kernel knows of a whole disk; *list is new. */
int kernel_partitions(dev_t whole, struct kernel_partition **list, size_t *n, struct err *e);

/* False for a disk that the kernel never shows partitions of: a device-mapper device, a loop device
 * without --partscan. */
bool kernel_has_partitions(dev_t whole);

/* Adds, resizes or deletes one (linux/blkpg.h); fd is the whole disk. A resized one may be in use
 * and must start where it did. Deleting waits two seconds for users that go away by themselves,
 * then fails with ERR_IN_USE. */
int kernel_partition_add(int fd, const struct disk_partition *partition, struct err *e);
int kernel_partition_resize(int fd, const struct disk_partition *partition, struct err *e);
int kernel_partition_delete(int fd, unsigned number, struct err *e);

/* Waits up to five seconds for the node, made by devtmpfs or udev, to be the device it should be.
 */
int kernel_partition_wait(const struct kernel_partition *partition, struct err *e);

#endif
