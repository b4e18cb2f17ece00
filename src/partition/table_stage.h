// SPDX-License-Identifier: GPL-3.0-or-later
/* table_stage.h: a disk's table by itself, in memory: to write another one over it and see. */
#ifndef BERTH_PARTITION_TABLE_STAGE_H
#define BERTH_PARTITION_TABLE_STAGE_H

#include "partition/table.h"

/* As large as the disk, and zeros but where `there`, which was read from it, is. NULL with the err
 * filled. */
struct blockdev *table_stage_open(struct blockdev *bd, const struct table *there, struct err *e);

#endif
