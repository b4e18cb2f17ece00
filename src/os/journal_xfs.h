// SPDX-License-Identifier: GPL-3.0-or-later
/* journal_xfs.h: the log of an XFS. For journal.c. */
#ifndef BERTH_OS_JOURNAL_XFS_H
#define BERTH_OS_JOURNAL_XFS_H

#include "block/blockdev.h"
#include "core/err.h"

#include <stdbool.h>

/* As journal_needs_recovery; superblock: the device's first 512 bytes, of an XFS. */
int journal_xfs_needs_recovery(struct blockdev *bd, const uint8_t *superblock, bool *needs,
                               struct err *e);

#endif
