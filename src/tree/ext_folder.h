// SPDX-License-Identifier: GPL-3.0-or-later
/* ext_folder.h: the names of one folder of an ext filesystem, for the reader. */
#ifndef BERTH_TREE_EXT_FOLDER_H
#define BERTH_TREE_EXT_FOLDER_H

#include "tree/ext_io.h"

struct ext_folder_name {
    char *text;
    uint32_t ino;
    unsigned type; /* EXT2_FT_*, EXT2_FT_UNKNOWN where the filesystem does not say */
};

struct ext_folder {
    struct ext_folder_name *names; /* sorted by text */
    size_t n, room;
};

/* Reads all names but "." and ".." into an empty folder. ERR_NOT_FOUND when ino is no folder,
 * ERR_SYNTAX when it is damaged: a name that no path can have, or more blocks than a folder has. */
int ext_folder_read(struct ext_io *io, uint32_t ino, struct ext_folder *folder, struct err *e);

/* The name, or NULL. text has len bytes. */
const struct ext_folder_name *ext_folder_find(const struct ext_folder *folder, const char *text,
                                              size_t len);

void ext_folder_free(struct ext_folder *folder);

#endif
