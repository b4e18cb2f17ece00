// SPDX-License-Identifier: GPL-3.0-or-later
/* orphan.h: names what lies in free space: the filesystem of a partition that was deleted, where
 * its superblock is still found. */
#ifndef BERTH_FLOW_ORPHAN_H
#define BERTH_FLOW_ORPHAN_H

#include "partition/table.h"

/* Words for what the byte `where`, in no partition, is of: "the free range from 10MiB to 26MiB has
 * an ext4 (home) that begins at 10MiB". Reads at most the heads of 256 places before it. */
int orphan_describe(struct blockdev *bd, const struct table *there, uint64_t where, char *text,
                    size_t size, struct err *e);

#endif
