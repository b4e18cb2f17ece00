// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write_extents.c: which blocks hold a file's content, written as an ext4 extent tree, and
 * content written along such a map.
 *
 * The tree is built from the leaves up, full blocks first, and is as deep as it has to be. Source:
 * the kernel's Documentation/filesystems/ext4/ifork.rst.
 */
#include "tree/ext_writer.h"

#include <stdlib.h>
#include <string.h>

#define ROOT_ENTRIES 4
#define NODE_ENTRIES ((EXT_BLOCK - sizeof(struct ext3_extent_header)) / sizeof(struct ext3_extent))
#define MAX_RUN      ((uint32_t)EXT_INIT_MAX_LEN) /* blocks of one extent */

static void encode_entry(const struct ext_run *run, unsigned depth, void *out)
{
    if (depth == 0) {
        struct ext3_extent extent = {.ee_block = run->logical,
                                     .ee_len = (uint16_t)run->blocks,
                                     .ee_start_hi = (uint16_t)(run->physical >> 32),
                                     .ee_start = (uint32_t)run->physical};

        memcpy(out, &extent, sizeof(extent));
    } else {
        struct ext3_extent_idx index = {.ei_block = run->logical,
                                        .ei_leaf = (uint32_t)run->physical,
                                        .ei_leaf_hi = (uint16_t)(run->physical >> 32)};

        memcpy(out, &index, sizeof(index));
    }
}

/* A header and n entries, into the inode or a block. */
static void encode_node(const struct ext_run *runs, size_t n, size_t max, unsigned depth, void *out)
{
    struct ext3_extent_header header = {.eh_magic = EXT3_EXT_MAGIC,
                                        .eh_entries = (uint16_t)n,
                                        .eh_max = (uint16_t)max,
                                        .eh_depth = (uint16_t)depth};
    unsigned char *at = out;

    memcpy(at, &header, sizeof(header));
    at += sizeof(header);
    for (size_t i = 0; i < n; i++, at += sizeof(struct ext3_extent))
        encode_entry(&runs[i], depth, at);
}

/* Writes one block of the tree; *up becomes the entry that leads to it. */
static int write_node(struct ext_writer *w, uint32_t ino, const struct ext_run *runs, size_t n,
                      unsigned depth, struct ext_run *up, struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, ino);
    unsigned char block[EXT_BLOCK] = {0};
    size_t covered = sizeof(struct ext3_extent_header) + NODE_ENTRIES * sizeof(struct ext3_extent);
    struct ext3_extent_tail tail;
    struct ext_map one = {.n = 0};
    int result = -1;

    if (ext_space_fill(&w->space, &one, 0, 1, e) == 0 &&
        ext_map_add(&inode->meta, one.runs[0], e) == 0) {
        encode_node(runs, n, NODE_ENTRIES, depth, block);
        tail.et_checksum = ext2fs_crc32c_le(ext_inode_seed(w, ino), block, covered);
        memcpy(block + covered, &tail, sizeof(tail));
        *up = (struct ext_run){runs[0].logical, 0, one.runs[0].physical};
        result = ext_stream_put(w->stream, up->physical * EXT_BLOCK, block, EXT_BLOCK, e);
    }
    ext_map_free(&one);
    return result;
}

/* The map with no run longer than an extent can be. */
static int split_runs(const struct ext_map *map, struct ext_run **runs, size_t *n, struct err *e)
{
    size_t count = 0, at = 0;

    for (size_t i = 0; i < map->n; i++)
        count += (map->runs[i].blocks + MAX_RUN - 1) / MAX_RUN;
    *runs = calloc(count + 1, sizeof(**runs));
    if (*runs == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < map->n; i++) {
        struct ext_run rest = map->runs[i];

        while (rest.blocks > 0) {
            uint32_t part = rest.blocks < MAX_RUN ? rest.blocks : MAX_RUN;

            (*runs)[at++] = (struct ext_run){rest.logical, part, rest.physical};
            rest = (struct ext_run){rest.logical + part, rest.blocks - part, rest.physical + part};
        }
    }
    *n = count;
    return 0;
}

int ext_extents_write(struct ext_writer *w, uint32_t ino, struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, ino);
    struct ext_run *level = NULL;
    size_t n = 0;
    unsigned depth = 0;
    int result;

    result = split_runs(&inode->data, &level, &n, e);
    for (; result == 0 && n > ROOT_ENTRIES; depth++) {
        size_t n_up = 0;

        /* entry n_up is written after the entries it stands for were read */
        for (size_t i = 0; result == 0 && i < n; i += NODE_ENTRIES)
            result = write_node(w, ino, level + i, n - i < NODE_ENTRIES ? n - i : NODE_ENTRIES,
                                depth, &level[n_up++], e);
        n = n_up;
    }
    if (result == 0) {
        memset(inode->raw.inode.i_block, 0, sizeof(inode->raw.inode.i_block));
        encode_node(level, n, ROOT_ENTRIES, depth, inode->raw.inode.i_block);
        inode->raw.inode.i_flags |= EXT4_EXTENTS_FL;
    }
    free(level);
    return result;
}

void ext_cursor_start(struct ext_cursor *cursor, const struct ext_map *map)
{
    *cursor = (struct ext_cursor){.map = map};
    if (map->n > 0)
        cursor->at = (uint64_t)map->runs[0].logical * EXT_BLOCK;
}

int ext_cursor_write(struct ext_writer *w, struct ext_cursor *cursor, const void *buf, uint64_t n,
                     struct err *e)
{
    const char *from = buf;

    while (n > 0) {
        const struct ext_run *run = &cursor->map->runs[cursor->run];
        uint64_t start = (uint64_t)run->logical * EXT_BLOCK;
        uint64_t end = start + (uint64_t)run->blocks * EXT_BLOCK;
        uint64_t part = end - cursor->at < n ? end - cursor->at : n;

        if (ext_stream_put(w->stream, run->physical * EXT_BLOCK + (cursor->at - start), from, part,
                           e) < 0)
            return -1;
        from = from != NULL ? from + part : NULL;
        cursor->at += part;
        n -= part;
        if (cursor->at == end && ++cursor->run < cursor->map->n)
            cursor->at = (uint64_t)cursor->map->runs[cursor->run].logical * EXT_BLOCK;
    }
    return 0;
}

int ext_cursor_zero(struct ext_writer *w, struct ext_cursor *cursor, uint64_t to, struct err *e)
{
    while (cursor->run < cursor->map->n && cursor->at < to) {
        const struct ext_run *run = &cursor->map->runs[cursor->run];
        uint64_t end = ((uint64_t)run->logical + run->blocks) * EXT_BLOCK;

        if (ext_cursor_write(w, cursor, NULL, (end < to ? end : to) - cursor->at, e) < 0)
            return -1;
    }
    return 0;
}
