// SPDX-License-Identifier: GPL-3.0-or-later
/* grubfs.h: what the tree of grubfs_tree_open (tree.h) can do beyond one. */
#ifndef BERTH_TREE_GRUBFS_H
#define BERTH_TREE_GRUBFS_H

#include "tree/tree.h"

/* GRUB's name of the filesystem: "btrfs", "xfs". The tree's. */
const char *grubfs_kind(struct tree *tree);

/* From now on the folder is the tree's root ("" is the filesystem's own), as a subvolume is for a
 * system in it. Where GRUB follows an absolute symlink it still starts at the filesystem's root. */
int grubfs_set_root(struct tree *tree, const char *folder, struct err *e);

#endif
