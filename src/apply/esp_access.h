// SPDX-License-Identifier: GPL-3.0-or-later
/* esp_access.h: the ESP of a disk, through its mounted folder where it is mounted, else as a FAT.
 */
#ifndef BERTH_APPLY_ESP_ACCESS_H
#define BERTH_APPLY_ESP_ACCESS_H

#include "block/disk.h"
#include "bootmenu/esp.h"

struct esp_access {
    struct blockdev *slice;
    struct tree *tree;
    struct esp *esp;
};

/* Opens the ESP at that range; mountpoint is where it is mounted, or NULL. To change it, the caller
 * has claimed the range before, where it is not mounted. ERR_NOT_FOUND when it is not berth's. */
int esp_access_open(struct disk *disk, struct extent range, const char *mountpoint,
                    struct esp_access *access, struct err *e);
void esp_access_close(struct esp_access *access);

#define _cleanup_esp_access_ __attribute__((cleanup(esp_access_close)))

#endif
