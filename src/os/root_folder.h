// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * root_folder.h: in which subvolume of a btrfs a system has its root. The boot menu's GRUB script
 * and this code follow one rule:
 *
 * 1. A "subvol=" of rootflags= in the system's kernel options names it; the last rootflags= counts,
 *    as for the kernel. What names it by a number ("subvolid=") says nothing here.
 * 2. Else it is the filesystem's own root (its default subvolume) where that has a kernel
 *    (newest_kernel.h), else the first of root_folder_names that has one.
 * 3. What was found by 2 below the root is put on the kernel's command line, behind whatever else
 *    rootflags= already has.
 */
#ifndef BERTH_OS_ROOT_FOLDER_H
#define BERTH_OS_ROOT_FOLDER_H

#include "core/err.h"
#include "tree/tree.h"

#include <stdbool.h>

/* As distributions call it; NULL at the end. */
extern const char *const root_folder_names[];

/* What kernel options say. Strings are new, and freed with root_flags_free. */
struct root_flags {
    char *folder; /* the subvolume, without a slash in front; "" is the filesystem's own root, NULL:
                     not said */
    char *others; /* the last rootflags= with a comma behind it ("compress=zstd,"), or "" */
    bool fixed;   /* the subvolume is said, by name or number: nothing is put behind it */
};

/* options may be NULL. Pure. */
int root_flags_read(const char *options, struct root_flags *flags, struct err *e);
void root_flags_free(struct root_flags *flags);
#define _cleanup_root_flags_ __attribute__((cleanup(root_flags_free)))

/* A filesystem that GRUB reads (grubfs_tree_open), with the system's root as the tree's, by the
 * rule where it is a btrfs. *word: what the command line gets ("rootflags=subvol=@"), a new string,
 * or NULL. Without a kernel anywhere the root is the filesystem's own. NULL on failure. */
struct tree *root_folder_open(struct blockdev *bd, const char *options, char **word, struct err *e);

#endif
