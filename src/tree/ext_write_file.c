// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write_file.c: the content of a regular file.
 *
 * Blocks are taken for what the entry says is data before the first piece arrives: whole runs, and
 * running out of space is known early. Every mapped byte that the source leaves out becomes zero.
 */
#include "core/size.h"
#include "tree/ext_writer.h"

#define MAX_FILE ((UINT64_C(1) << 32) * EXT_BLOCK - EXT_BLOCK) /* block numbers have 32 bits */

/* Takes blocks for a sparse file's data; ranges that share a block give it one. */
static int map_sparse(struct ext_writer *w, struct ext_map *map, const struct tree_entry *entry,
                      struct err *e)
{
    uint64_t done = 0; /* blocks before this one are decided */

    for (size_t i = 0; i < entry->n_data; i++) {
        const struct extent *data = &entry->data[i];
        uint64_t first = data->start / EXT_BLOCK, end;

        if (data->bytes == 0)
            continue;
        if (data->start > entry->size || data->bytes > entry->size - data->start)
            return err_set(e, ERR_SYNTAX, "data past the end of a sparse file");
        end = round_up(extent_end(data), EXT_BLOCK) / EXT_BLOCK;
        first = first > done ? first : done;
        if (first < end && ext_space_fill(&w->space, map, first, end - first, e) < 0)
            return -1;
        done = end > done ? end : done;
    }
    return 0;
}

static int map_file(struct ext_writer *w, struct ext_map *map, const struct tree_entry *entry,
                    struct err *e)
{
    if (entry->size > MAX_FILE)
        return err_set(e, ERR_UNSUPPORTED, "%llu bytes, more than a file of ext4 can have",
                       (unsigned long long)entry->size);
    if (entry->sparse)
        return map_sparse(w, map, entry, e);
    return ext_space_fill(&w->space, map, 0, round_up(entry->size, EXT_BLOCK) / EXT_BLOCK, e);
}

/* How many of the bytes behind the cursor are mapped in one piece, n at most. */
static uint64_t mapped(const struct ext_cursor *cursor, uint64_t n)
{
    const struct ext_map *map = cursor->map;
    uint64_t end = cursor->at;

    for (size_t i = cursor->run; i < map->n; i++) {
        uint64_t start = (uint64_t)map->runs[i].logical * EXT_BLOCK;

        if (i > cursor->run && start != end)
            break;
        end = start + (uint64_t)map->runs[i].blocks * EXT_BLOCK;
        if (end - cursor->at >= n)
            return n;
    }
    return end - cursor->at;
}

static int write_piece(struct ext_writer *w, struct ext_cursor *cursor, const void *buf, size_t n,
                       uint64_t offset, uint64_t size, struct err *e)
{
    if (offset > size || n > size - offset)
        return err_set(e, ERR_FAILED, "more content than the %llu bytes announced",
                       (unsigned long long)size);
    if (ext_cursor_zero(w, cursor, offset, e) < 0)
        return -1;
    if (cursor->at != offset || mapped(cursor, n) < n)
        return err_set(e, ERR_FAILED, "content at byte %llu that is out of order or in a hole",
                       (unsigned long long)offset);
    return ext_cursor_write(w, cursor, buf, n, e);
}

int ext_file_write(struct ext_writer *w, uint32_t ino, const struct tree_entry *entry,
                   struct tree_source *content, struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, ino);
    struct ext_cursor cursor;
    const void *buf;
    uint64_t offset;
    size_t n;
    int more = 0;

    if (map_file(w, &inode->data, entry, e) < 0)
        return -1;
    ext_inode_set_size(inode, entry->size);
    ext_cursor_start(&cursor, &inode->data);
    while (content != NULL && (more = content->next(content, &buf, &n, &offset, e)) == 1)
        if (n > 0 && write_piece(w, &cursor, buf, n, offset, entry->size, e) < 0)
            return -1;
    if (more < 0 || ext_cursor_zero(w, &cursor, UINT64_MAX, e) < 0)
        return -1;
    return ext_extents_write(w, ino, e);
}
