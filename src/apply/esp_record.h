// SPDX-License-Identifier: GPL-3.0-or-later
/* esp_record.h: what an ESP that berth made says. */
#ifndef BERTH_APPLY_ESP_RECORD_H
#define BERTH_APPLY_ESP_RECORD_H

#include "block/disk.h"
#include "model/record.h"

/* Reads the ESP at that range, in the jail unless it is mounted. 1: it is berth's; *record is new,
 * *next, new, names the menu's entry that the next boot takes once, or stays. 0: it is another's.
 * -1 with the err filled, also where it is berth's and damaged. */
int esp_record(struct disk *disk, struct extent range, const char *mountpoint,
               struct record **record, char **next, struct err *e);

#endif
