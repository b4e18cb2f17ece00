// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * esp_folder.h: the ESP as a folder in which files can be made, which berth's own FAT (tree/fat.c)
 * cannot: where it is mounted, or by a mount of our own that nobody else sees.
 */
#ifndef BERTH_FLOW_ESP_FOLDER_H
#define BERTH_FLOW_ESP_FOLDER_H

#include "block/disk.h"
#include "model/survey.h"

/* Returns a descriptor of its root folder; -1 on failure. ERR_IN_USE when somebody has its
 * partition. Closing it ends a mount of our own. */
int esp_folder_open(struct disk *disk, const struct survey_partition *esp, struct err *e);

/* Makes or replaces the file with what the descriptor `from` has from its start, on the disk when
 * it returns. Folders in the path must be there. */
int esp_folder_put(int folder, const char *path, int from, struct err *e);

/* How many bytes files may have together. */
int esp_folder_room(int folder, uint64_t *bytes, struct err *e);

#endif
