// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_list.h: the disks of this machine, as the kernel lists them in sysfs. */
#ifndef BERTH_BLOCK_DISK_LIST_H
#define BERTH_BLOCK_DISK_LIST_H

#include "block/disk.h"

struct disk_device {
    char *path; /* "/dev/sda" */
    dev_t device;
    uint64_t bytes;
    bool removable, read_only;
    const char *transport; /* "sata", "nvme", "usb", "virtio", ..., or NULL where sysfs is silent */
    struct disk_identity identity;
};

/* All disks by name; `all` also those that are made of others or of nothing: memory, device mapper,
 * RAID, loop devices without a file. *list is new; disk_list_free frees it. */
int disk_list(bool all, struct disk_device **list, size_t *n, struct err *e);

void disk_list_free(struct disk_device *list, size_t n); /* NULL is allowed */

#endif
