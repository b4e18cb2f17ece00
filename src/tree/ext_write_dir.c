// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write_dir.c: a folder's blocks: one linear block, or a hash tree (htree) over leaves.
 *
 * Leaves hold names sorted by hash; a root block, and one level of index nodes where the root is
 * too small, lead to them. Blocks come in the order root, nodes, leaves. Source: the kernel's
 * Documentation/filesystems/ext4/directory.rst.
 */
#include "tree/ext_writer.h"

#include <stdlib.h>
#include <string.h>

#define TAIL_BYTES  sizeof(struct ext2_dir_entry_tail)
#define USABLE      (EXT_BLOCK - TAIL_BYTES)
#define LEAF_FILL   (USABLE * 9 / 10) /* room for names that the system adds itself */
#define ROOT_OFFSET 32                /* of the index entries in the root: behind ".", "..", info */
#define NODE_OFFSET 8                 /* in a node: behind an empty entry */
#define DX_LIMIT(at)                                                                               \
    ((EXT_BLOCK - (at) - sizeof(struct ext2_dx_tail)) / sizeof(struct ext2_dx_entry))
#define MAX_LINKS 64999 /* a folder with more subfolders has the link count 1 (dir_nlink) */

struct hashed {
    uint32_t hash, minor;
    const struct ext_name *name;
};

struct leaf {
    uint32_t
        hash; /* of its first name; the lowest bit says that the hash began in the leaf before */
    size_t first, n; /* which of the sorted names */
};

struct htree {
    struct hashed *names;
    struct leaf *leaves;
    size_t n_leaves, n_nodes;
};

/* The block being filled. */
struct dir_block {
    unsigned char bytes[EXT_BLOCK];
    size_t used, last; /* last: where the last entry starts */
};

static size_t record_bytes(size_t name_len)
{
    return (EXT2_DIR_ENTRY_HEADER_LEN + name_len + EXT2_DIR_ROUND) & ~(size_t)EXT2_DIR_ROUND;
}

static void add_record(struct dir_block *block, uint32_t ino, const char *text, size_t len,
                       unsigned type)
{
    struct ext2_dir_entry_2 *record = (void *)(block->bytes + block->used);

    record->inode = ino;
    record->rec_len = (uint16_t)record_bytes(len);
    record->name_len = (uint8_t)len;
    record->file_type = (uint8_t)type;
    memcpy(record->name, text, len);
    block->last = block->used;
    block->used += record->rec_len;
}

/* The last entry reaches to the tail, which has the checksum. */
static void finish_block(struct dir_block *block, uint32_t seed)
{
    struct ext2_dir_entry_2 *record = (void *)(block->bytes + block->last);
    struct ext2_dir_entry_tail tail = {.det_rec_len = TAIL_BYTES,
                                       .det_reserved_name_len = EXT2_DIR_NAME_LEN_CSUM};

    record->rec_len = (uint16_t)(USABLE - block->last);
    tail.det_checksum = ext2fs_crc32c_le(seed, block->bytes, USABLE);
    memcpy(block->bytes + USABLE, &tail, sizeof(tail));
}

static void add_dots(struct dir_block *block, const struct ext_dir *dir)
{
    add_record(block, dir->ino, ".", 1, EXT2_FT_DIR);
    add_record(block, dir->parent->ino, "..", 2, EXT2_FT_DIR);
}

static bool fits_one_block(const struct ext_dir *dir)
{
    size_t bytes = record_bytes(1) + record_bytes(2);

    for (const struct ext_name *name = dir->first; name != NULL; name = name->after)
        bytes += record_bytes(name->len);
    return bytes <= USABLE;
}

static int write_linear(struct ext_writer *w, struct ext_dir *dir, struct ext_cursor *cursor,
                        struct err *e)
{
    struct dir_block block = {.used = 0};

    add_dots(&block, dir);
    for (const struct ext_name *name = dir->first; name != NULL; name = name->after)
        add_record(&block, name->ino, name->text, name->len, name->type);
    finish_block(&block, ext_inode_seed(w, dir->ino));
    return ext_cursor_write(w, cursor, block.bytes, EXT_BLOCK, e);
}

static int compare_hashed(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->minor != y->minor)
        return x->minor < y->minor ? -1 : 1;
    return strcmp(x->name->text, y->name->text);
}

static int hash_names(struct ext_writer *w, const struct ext_dir *dir, struct htree *htree,
                      struct err *e)
{
    const struct ext2_super_block *super = w->io.fs->super;
    int version = super->s_def_hash_version;
    size_t n = 0;

    if ((super->s_flags & EXT2_FLAGS_UNSIGNED_HASH) != 0)
        version += EXT2_HASH_LEGACY_UNSIGNED - EXT2_HASH_LEGACY;
    for (const struct ext_name *name = dir->first; name != NULL; name = name->after) {
        struct hashed *hashed = &htree->names[n++];
        errcode_t code = ext2fs_dirhash2(version, name->text, name->len, NULL, 0,
                                         super->s_hash_seed, &hashed->hash, &hashed->minor);

        if (code != 0)
            return ext_io_error(&w->io, code, "hashing a folder's names", e);
        hashed->name = name;
    }
    qsort(htree->names, n, sizeof(htree->names[0]), compare_hashed);
    return 0;
}

/* Divides the sorted names among leaves. */
static void pack_leaves(struct htree *htree, size_t n_names)
{
    size_t used = EXT_BLOCK; /* more than fits: the first name begins a leaf */

    for (size_t i = 0; i < n_names; i++) {
        const struct hashed *hashed = &htree->names[i];
        size_t bytes = record_bytes(hashed->name->len);

        if (used + bytes > LEAF_FILL) {
            bool split = i > 0 && htree->names[i - 1].hash == hashed->hash;

            htree->leaves[htree->n_leaves++] = (struct leaf){hashed->hash | split, i, 0};
            used = 0;
        }
        htree->leaves[htree->n_leaves - 1].n++;
        used += bytes;
    }
}

/* Index entries, their count and the checksum, into a block whose head is there already. The first
 * entry has no hash of its own: the count stands in its place. */
static void finish_index(unsigned char *block, size_t at, const struct ext2_dx_entry *entries,
                         size_t n, uint32_t seed)
{
    struct ext2_dx_countlimit count = {.limit = (uint16_t)DX_LIMIT(at), .count = (uint16_t)n};
    struct ext2_dx_tail tail = {.dt_reserved = 0};
    uint32_t crc;

    memcpy(block + at, entries, n * sizeof(entries[0]));
    memcpy(block + at, &count, sizeof(count));
    crc = ext2fs_crc32c_le(seed, block, at + n * sizeof(entries[0]));
    tail.dt_checksum = ext2fs_crc32c_le(crc, (unsigned char *)&tail, sizeof(tail));
    memcpy(block + at + DX_LIMIT(at) * sizeof(entries[0]), &tail, sizeof(tail));
}

static int write_root(struct ext_writer *w, struct ext_dir *dir, const struct htree *htree,
                      struct ext_cursor *cursor, struct err *e)
{
    struct ext2_dx_root_info info = {.hash_version = w->io.fs->super->s_def_hash_version,
                                     .info_length = sizeof(info),
                                     .indirect_levels = htree->n_nodes > 0};
    struct ext2_dx_entry entries[DX_LIMIT(ROOT_OFFSET)];
    struct dir_block block = {.used = 0};
    size_t n = htree->n_nodes > 0 ? htree->n_nodes : htree->n_leaves;
    size_t step = htree->n_nodes > 0 ? DX_LIMIT(NODE_OFFSET) : 1;

    add_dots(&block, dir);
    /* to readers that know no index, ".." covers the rest of the block */
    ((struct ext2_dir_entry_2 *)(void *)(block.bytes + block.last))->rec_len =
        (uint16_t)(EXT_BLOCK - block.last);
    memcpy(block.bytes + ROOT_OFFSET - sizeof(info), &info, sizeof(info));
    for (size_t i = 0; i < n; i++)
        entries[i] = (struct ext2_dx_entry){htree->leaves[i * step].hash, (uint32_t)(1 + i)};
    finish_index(block.bytes, ROOT_OFFSET, entries, n, ext_inode_seed(w, dir->ino));
    return ext_cursor_write(w, cursor, block.bytes, EXT_BLOCK, e);
}

static int write_nodes(struct ext_writer *w, struct ext_dir *dir, const struct htree *htree,
                       struct ext_cursor *cursor, struct err *e)
{
    struct ext2_dx_entry entries[DX_LIMIT(NODE_OFFSET)];
    size_t first_leaf = 1 + htree->n_nodes, leaf = 0;

    for (size_t node = 0; node < htree->n_nodes; node++) {
        struct dir_block block = {.used = 0};
        size_t n = 0;

        ((struct ext2_dir_entry_2 *)(void *)block.bytes)->rec_len = EXT_BLOCK;
        for (; n < DX_LIMIT(NODE_OFFSET) && leaf < htree->n_leaves; n++, leaf++)
            entries[n] =
                (struct ext2_dx_entry){htree->leaves[leaf].hash, (uint32_t)(first_leaf + leaf)};
        finish_index(block.bytes, NODE_OFFSET, entries, n, ext_inode_seed(w, dir->ino));
        if (ext_cursor_write(w, cursor, block.bytes, EXT_BLOCK, e) < 0)
            return -1;
    }
    return 0;
}

static int write_leaves(struct ext_writer *w, struct ext_dir *dir, const struct htree *htree,
                        struct ext_cursor *cursor, struct err *e)
{
    uint32_t seed = ext_inode_seed(w, dir->ino);

    for (size_t i = 0; i < htree->n_leaves; i++) {
        const struct leaf *leaf = &htree->leaves[i];
        struct dir_block block = {.used = 0};

        for (size_t k = 0; k < leaf->n; k++) {
            const struct ext_name *name = htree->names[leaf->first + k].name;

            add_record(&block, name->ino, name->text, name->len, name->type);
        }
        finish_block(&block, seed);
        if (ext_cursor_write(w, cursor, block.bytes, EXT_BLOCK, e) < 0)
            return -1;
    }
    return 0;
}

/* Sorts and packs; says how many blocks that takes. */
static int plan_htree(struct ext_writer *w, struct ext_dir *dir, struct htree *htree,
                      size_t *blocks, struct err *e)
{
    /* a leaf with its fill has at least 13 names of the longest kind, the last leaf perhaps fewer
     */
    htree->names = calloc(dir->n_names, sizeof(htree->names[0]));
    htree->leaves = calloc(dir->n_names / 8 + 2, sizeof(htree->leaves[0]));
    if (htree->names == NULL || htree->leaves == NULL)
        return err_no_memory(e);
    if (hash_names(w, dir, htree, e) < 0)
        return -1;
    pack_leaves(htree, dir->n_names);
    if (htree->n_leaves > DX_LIMIT(ROOT_OFFSET))
        htree->n_nodes = (htree->n_leaves + DX_LIMIT(NODE_OFFSET) - 1) / DX_LIMIT(NODE_OFFSET);
    if (htree->n_nodes > DX_LIMIT(ROOT_OFFSET))
        return err_set(e, ERR_UNSUPPORTED, "%zu names are too many for one folder", dir->n_names);
    *blocks = 1 + htree->n_nodes + htree->n_leaves;
    return 0;
}

static int write_blocks(struct ext_writer *w, struct ext_dir *dir, struct htree *htree,
                        size_t blocks, struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, dir->ino);
    struct ext_cursor cursor;

    if (ext_space_fill(&w->space, &inode->data, 0, blocks, e) < 0)
        return -1;
    ext_inode_set_size(inode, (uint64_t)blocks * EXT_BLOCK);
    ext_cursor_start(&cursor, &inode->data);
    if (htree->n_leaves == 0)
        return write_linear(w, dir, &cursor, e);
    inode->raw.inode.i_flags |= EXT2_INDEX_FL;
    if (write_root(w, dir, htree, &cursor, e) < 0 || write_nodes(w, dir, htree, &cursor, e) < 0)
        return -1;
    return write_leaves(w, dir, htree, &cursor, e);
}

int ext_dir_write(struct ext_writer *w, struct ext_dir *dir, struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, dir->ino);
    struct htree htree = {.names = NULL};
    size_t blocks = 1;
    int result = 0;

    inode->raw.inode.i_links_count =
        (uint16_t)(dir->n_subdirs + 2 > MAX_LINKS ? 1 : dir->n_subdirs + 2);
    if (!dir->changed)
        return 0;
    inode->ours = true;
    ext_space_give(&w->space, &inode->data);
    if (!fits_one_block(dir))
        result = plan_htree(w, dir, &htree, &blocks, e);
    if (result == 0)
        result = write_blocks(w, dir, &htree, blocks, e);
    if (result == 0)
        result = ext_extents_write(w, dir->ino, e);
    free(htree.names);
    free(htree.leaves);
    return result;
}
