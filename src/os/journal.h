// SPDX-License-Identifier: GPL-3.0-or-later
/* journal.h: whether an ext filesystem waits for its journal to be replayed: whoever mounted it
 * last did not unmount it. Its own kernel mends that; until then a reader sees an older state. */
#ifndef BERTH_OS_JOURNAL_H
#define BERTH_OS_JOURNAL_H

#include "block/blockdev.h"
#include "core/err.h"

#include <stdbool.h>

/* Looks at the superblock of the filesystem that fills the device; what is no ext filesystem needs
 * nothing. Source: Linux Documentation/filesystems/ext4/super.rst. */
int journal_needs_recovery(struct blockdev *root, bool *needs, struct err *e);

#endif
