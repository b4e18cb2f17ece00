// SPDX-License-Identifier: GPL-3.0-or-later
/* ext_write_space.h: free blocks of the filesystem being written, and maps from a file's blocks to
 * them. Every number here is in blocks of 4096 bytes. */
#ifndef BERTH_TREE_EXT_WRITE_SPACE_H
#define BERTH_TREE_EXT_WRITE_SPACE_H

#include "core/err.h"

#include <ext2fs/ext2fs.h>
#include <stddef.h>
#include <stdint.h>

#define EXT_BLOCK 4096

/* `blocks` blocks of a file from its block `logical` on are at `physical` and behind it. */
struct ext_run {
    uint32_t logical, blocks;
    uint64_t physical;
};

struct ext_map {
    struct ext_run *runs; /* ascending by logical */
    size_t n, room;
    uint64_t blocks; /* of all runs */
};

/* Appends a run, joined with the last one where it continues that. */
int ext_map_add(struct ext_map *map, struct ext_run run, struct err *e);
void ext_map_free(struct ext_map *map);

struct ext_space {
    ext2_filsys fs;
    uint64_t
        counted; /* blocks of the current free run from here to next are taken but not counted */
    uint64_t next, end; /* the rest of that run */
};

void ext_space_init(struct ext_space *space, ext2_filsys fs);

/* Maps the file's blocks [logical, logical + n) to free ones. ERR_NO_SPACE; what was added to the
 * map by then stays there. */
int ext_space_fill(struct ext_space *space, struct ext_map *map, uint64_t logical, uint64_t n,
                   struct err *e);

/* Gives the map's blocks back, and empties it. */
void ext_space_give(struct ext_space *space, struct ext_map *map);

/* Brings the bitmap and the counts up to date. */
void ext_space_settle(struct ext_space *space);

#endif
