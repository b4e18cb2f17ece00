// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_swap.h: makes a swap area. */
#ifndef BERTH_PARTITION_FS_SWAP_H
#define BERTH_PARTITION_FS_SWAP_H

#include "block/blockdev.h"
#include "core/guid.h"

/* Makes an empty swap area that fills the device, by mkswap on a stage. label: at most 15 bytes.
 * Does not flush. */
int fs_swap_make(struct blockdev *bd, const struct guid *uuid, const char *label, struct err *e);

#endif
