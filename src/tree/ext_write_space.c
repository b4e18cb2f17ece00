// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write_space.c: takes free blocks in ascending order.
 *
 * Ascending order makes consecutive files one large write. A free run is counted in the bitmap
 * when it is used up, not block by block. Blocks given back are taken again only when the end of
 * the device is reached and the search starts over.
 */
#include "tree/ext_write_space.h"

#include <stdbool.h>
#include <stdlib.h>

int ext_map_add(struct ext_map *map, struct ext_run run, struct err *e)
{
    struct ext_run *last = map->n > 0 ? &map->runs[map->n - 1] : NULL;

    if (last != NULL && last->logical + last->blocks == run.logical &&
        last->physical + last->blocks == run.physical) {
        last->blocks += run.blocks;
        map->blocks += run.blocks;
        return 0;
    }
    if (map->n == map->room) {
        size_t room = map->room > 0 ? map->room * 2 : 1;
        struct ext_run *grown = realloc(map->runs, room * sizeof(*grown));

        if (grown == NULL)
            return err_no_memory(e);
        map->runs = grown;
        map->room = room;
    }
    map->runs[map->n++] = run;
    map->blocks += run.blocks;
    return 0;
}

void ext_map_free(struct ext_map *map)
{
    free(map->runs);
    *map = (struct ext_map){.n = 0};
}

void ext_space_init(struct ext_space *space, ext2_filsys fs)
{
    *space = (struct ext_space){.fs = fs};
    space->counted = space->next = space->end = fs->super->s_first_data_block;
}

void ext_space_settle(struct ext_space *space)
{
    if (space->next > space->counted)
        ext2fs_block_alloc_stats_range(space->fs, space->counted,
                                       (blk_t)(space->next - space->counted), +1);
    space->counted = space->next;
}

/* The first free run at or behind `from` becomes the current one. */
static bool find_run(struct ext_space *space, uint64_t from)
{
    ext2_filsys fs = space->fs;
    blk64_t last = ext2fs_blocks_count(fs->super) - 1, start, end;

    if (from > last || ext2fs_find_first_zero_block_bitmap2(fs->block_map, from, last, &start) != 0)
        return false;
    if (ext2fs_find_first_set_block_bitmap2(fs->block_map, start, last, &end) != 0)
        end = last + 1;
    space->counted = space->next = start;
    space->end = end;
    return true;
}

static int next_run(struct ext_space *space, struct err *e)
{
    ext_space_settle(space);
    if (find_run(space, space->end) || find_run(space, space->fs->super->s_first_data_block))
        return 0;
    return err_set(e, ERR_NO_SPACE, "the filesystem has no free blocks left");
}

int ext_space_fill(struct ext_space *space, struct ext_map *map, uint64_t logical, uint64_t n,
                   struct err *e)
{
    while (n > 0) {
        uint64_t part;

        if (space->next == space->end && next_run(space, e) < 0)
            return -1;
        part = space->end - space->next < n ? space->end - space->next : n;
        if (ext_map_add(map, (struct ext_run){(uint32_t)logical, (uint32_t)part, space->next}, e) <
            0)
            return -1;
        space->next += part;
        logical += part;
        n -= part;
    }
    return 0;
}

void ext_space_give(struct ext_space *space, struct ext_map *map)
{
    ext_space_settle(space);
    for (size_t i = 0; i < map->n; i++)
        ext2fs_block_alloc_stats_range(space->fs, map->runs[i].physical, map->runs[i].blocks, -1);
    ext_map_free(map);
}
