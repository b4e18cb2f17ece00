// SPDX-License-Identifier: GPL-3.0-or-later
/* esp_access.c: opens an ESP by whichever way is coherent with who else uses it. */
#include "apply/esp_access.h"

int esp_access_open(struct disk *disk, struct extent range, const char *mountpoint,
                    struct esp_access *access, struct err *e)
{
    *access = (struct esp_access){0};
    if (mountpoint != NULL) {
        access->tree = dir_tree_open(mountpoint, e);
    } else {
        access->slice = slice_open(disk_blockdev(disk), range, e);
        access->tree = access->slice != NULL ? fat_tree_open(access->slice, e) : NULL;
    }
    if (access->tree != NULL)
        access->esp = esp_open(access->tree, e);
    if (access->esp != NULL)
        return 0;
    esp_access_close(access);
    return -1;
}

void esp_access_close(struct esp_access *access)
{
    esp_close(access->esp);
    tree_close(access->tree);
    blockdev_close(access->slice);
    *access = (struct esp_access){0};
}
