// SPDX-License-Identifier: GPL-3.0-or-later
/* disk.c: header, data, status: three descriptors. */
#include "disk.h"

static struct disk_header header;
static volatile uint8_t status;

uint8_t disk_request(struct device *disk, uint32_t type, uint64_t sector, void *data,
                     uint32_t bytes)
{
    struct descriptor *d = disk->rings[0]->descriptors;
    uint16_t to_device = type == IN || type == GET_ID ? WRITE : 0;

    header.type = type;
    header.sector = sector;
    status = 0xee;
    d[0] = (struct descriptor){(uint64_t)&header, sizeof(header), NEXT, bytes > 0 ? 1 : 2};
    d[1] = (struct descriptor){(uint64_t)data, bytes, NEXT | to_device, 2};
    d[2] = (struct descriptor){(uint64_t)&status, 1, WRITE, 0};
    device_submit(disk, 0, 0);
    CHECK(device_wait(disk, 0) >= 0, "the disk answers");
    return status;
}
