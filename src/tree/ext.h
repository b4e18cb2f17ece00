// SPDX-License-Identifier: GPL-3.0-or-later
/* ext.h: what the ext reader can say beyond a tree. Its opener is in tree.h. */
#ifndef BERTH_TREE_EXT_H
#define BERTH_TREE_EXT_H

#include "tree/tree.h"

#include <stdbool.h>

/* Whether the device has the magic number of an ext filesystem, and nothing more of it. */
int ext_is_on(struct blockdev *bd, bool *is, struct err *e);

/* True when the journal holds changes that are not in place yet: the system was not shut down, or
 * is running. What is read may then be old. `tree` comes from ext_tree_open. */
bool ext_tree_needs_recovery(struct tree *tree);

#endif
