/* SPDX-License-Identifier: GPL-3.0-or-later */
/* disk.h: one request of a virtio disk after the other. Source: VIRTIO 1.2, 5.2.6. */
#ifndef BERTH_TESTS_DISK_H
#define BERTH_TESTS_DISK_H

#include "guest.h"

#define BLOCK  2 /* the device's number */
#define SECTOR 512

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK = 0, IO_ERROR = 1, UNSUPPORTED = 2 };

struct disk_header {
    uint32_t type, reserved;
    uint64_t sector;
};

/* Has it done, with n bytes of data, which may be 0, and returns the device's status. */
uint8_t disk_request(struct device *disk, uint32_t type, uint64_t sector, void *data,
                     uint32_t bytes);

#endif
