// SPDX-License-Identifier: GPL-3.0-or-later
/* grubfs_list.h: what `grub-fstest ls -la` says of a folder. Pure; the text is hostile, since the
 * names in it are. For grubfs.c. */
#ifndef BERTH_TREE_GRUBFS_LIST_H
#define BERTH_TREE_GRUBFS_LIST_H

#include "tree/tree.h"

struct grubfs_name {
    char *text; /* 1 to 255 bytes, none of them a slash; not "." or ".." */
    enum tree_type type;
    uint64_t size; /* of a file, in bytes */
};

struct grubfs_list {
    struct grubfs_name *names;
    size_t n;
};

/* Fills an empty list. Lines that are none of GRUB's (a name may hold a newline) are passed over.
 * text is changed. Fails only without memory, and leaves the list empty then. */
int grubfs_list_parse(char *text, struct grubfs_list *list, struct err *e);

/* NULL when it has no such name. */
const struct grubfs_name *grubfs_list_find(const struct grubfs_list *list, const char *text);

void grubfs_list_clear(struct grubfs_list *list);

#endif
