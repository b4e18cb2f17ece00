// SPDX-License-Identifier: GPL-3.0-or-later
/* systems.h: the operating systems in a disk's partitions. */
#ifndef BERTH_APPLY_SYSTEMS_H
#define BERTH_APPLY_SYSTEMS_H

#include "block/disk.h"
#include "model/survey.h"

/* Fills `system` of each partition whose filesystem holds one, and `problem` of each whose
 * filesystem cannot be read, which is no failure. */
int systems_find(struct disk *disk, struct survey *survey, struct err *e);

#endif
