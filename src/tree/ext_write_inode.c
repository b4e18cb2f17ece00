// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write_inode.c: the inode table, in memory until sync.
 *
 * Inodes are given out in ascending order, so that the tables' used parts are contiguous and the
 * rest of each group's table stays unread (bg_itable_unused). Inodes 1 to 11 come from mke2fs; only
 * the root's and lost+found's are ever changed.
 */
#include "tree/ext_writer.h"

#include <stdlib.h>
#include <string.h>

/* Linux's ext4 keeps 34 bits of seconds: the lower 32 signed, two more above them. */
#define TIME_MIN (-(INT64_C(1) << 31))
#define TIME_MAX ((INT64_C(1) << 34) + TIME_MIN - 1)

struct ext_inode *ext_inode_get(struct ext_writer *w, uint32_t ino)
{
    return &w->chunks[ino / EXT_CHUNK_INODES][ino % EXT_CHUNK_INODES];
}

/* Makes room for inodes up to ino. */
static int grow(struct ext_writer *w, uint32_t ino, struct err *e)
{
    while (ino / EXT_CHUNK_INODES >= w->n_chunks) {
        struct ext_inode **chunks =
            realloc(w->chunks, (w->n_chunks + 1) * sizeof(struct ext_inode *));

        if (chunks == NULL)
            return err_no_memory(e);
        w->chunks = chunks;
        chunks[w->n_chunks] = calloc(EXT_CHUNK_INODES, sizeof(struct ext_inode));
        if (chunks[w->n_chunks] == NULL)
            return err_no_memory(e);
        w->n_chunks++;
    }
    w->last_ino = ino;
    return 0;
}

/* The blocks of a folder made by mke2fs: at most four extents, in the inode. */
static int load_map(struct ext_writer *w, struct ext_inode *inode, struct err *e)
{
    const struct ext3_extent_header *header = (const void *)inode->raw.inode.i_block;
    const struct ext3_extent *extent = (const void *)(header + 1);

    if ((inode->raw.inode.i_flags & EXT4_EXTENTS_FL) == 0 || header->eh_depth != 0 ||
        header->eh_entries > 4)
        return err_set(e, ERR_UNSUPPORTED, "%s: not a filesystem fresh from mke2fs",
                       w->io.bd->name);
    for (unsigned i = 0; i < header->eh_entries; i++, extent++) {
        struct ext_run run = {extent->ee_block, extent->ee_len,
                              (uint64_t)extent->ee_start_hi << 32 | extent->ee_start};

        if (ext_map_add(&inode->data, run, e) < 0)
            return -1;
    }
    return 0;
}

int ext_inodes_load(struct ext_writer *w, struct err *e)
{
    if (grow(w, EXT2_GOOD_OLD_FIRST_INO, e) < 0)
        return -1;
    for (uint32_t ino = 1; ino <= EXT2_GOOD_OLD_FIRST_INO; ino++) {
        struct ext_inode *inode = ext_inode_get(w, ino);
        errcode_t code = ext2fs_read_inode_full(
            w->io.fs, ino, (struct ext2_inode *)&inode->raw.inode, EXT_INODE_BYTES);

        if (code != 0)
            return ext_io_error(&w->io, code, "reading the first inodes", e);
        inode->used = true;
    }
    if (load_map(w, ext_inode_get(w, EXT2_ROOT_INO), e) < 0 ||
        load_map(w, ext_inode_get(w, EXT2_GOOD_OLD_FIRST_INO), e) < 0)
        return -1;
    return 0;
}

static void clear(struct ext_inode *inode)
{
    free(inode->dir);
    free(inode->link);
    ext_map_free(&inode->data);
    ext_map_free(&inode->meta);
    memset(inode, 0, sizeof(*inode));
}

void ext_inodes_free(struct ext_writer *w)
{
    for (size_t i = 0; i < w->n_chunks; i++) {
        for (size_t k = 0; k < EXT_CHUNK_INODES; k++)
            clear(&w->chunks[i][k]);
        free(w->chunks[i]);
    }
    free(w->chunks);
    free(w->freed);
}

int ext_inode_new(struct ext_writer *w, uint32_t *ino, struct err *e)
{
    if (w->n_freed > 0) {
        *ino = w->freed[--w->n_freed];
    } else {
        if (w->last_ino >= w->io.fs->super->s_inodes_count)
            return err_set(e, ERR_NO_SPACE, "the filesystem has no free inodes left (of %u)",
                           w->io.fs->super->s_inodes_count);
        if (grow(w, w->last_ino + 1, e) < 0)
            return -1;
        *ino = w->last_ino;
    }
    ext_inode_get(w, *ino)->used = true;
    ext_inode_get(w, *ino)->ours = true;
    return 0;
}

/* lost+found's inode is never used again: the counts of its group know it as a folder. */
static void remember_free(struct ext_writer *w, uint32_t ino)
{
    if (ino <= EXT2_GOOD_OLD_FIRST_INO)
        return;
    if (w->n_freed == w->freed_room) {
        size_t room = w->freed_room > 0 ? w->freed_room * 2 : 64;
        uint32_t *grown = realloc(w->freed, room * sizeof(*grown));

        if (grown == NULL)
            return; /* one inode less to use is no harm */
        w->freed = grown;
        w->freed_room = room;
    }
    w->freed[w->n_freed++] = ino;
}

void ext_inode_release(struct ext_writer *w, uint32_t ino)
{
    struct ext_inode *inode = ext_inode_get(w, ino);

    ext_space_give(&w->space, &inode->data);
    ext_space_give(&w->space, &inode->meta);
    clear(inode);
    remember_free(w, ino);
}

/* Out of range times become the nearest that fits, as the kernel stores them. */
static void encode_time(int64_t seconds, uint32_t nsec, uint32_t *low, uint32_t *extra)
{
    if (seconds <= TIME_MIN || seconds >= TIME_MAX) {
        seconds = seconds <= TIME_MIN ? TIME_MIN : TIME_MAX;
        nsec = 0;
    }
    *low = (uint32_t)seconds;
    *extra =
        nsec << EXT4_EPOCH_BITS | ((uint32_t)((seconds - (int32_t)*low) >> 32) & EXT4_EPOCH_MASK);
}

void ext_inode_set(struct ext_writer *w, struct ext_inode *inode, unsigned type,
                   const struct tree_entry *entry)
{
    struct ext2_inode_large *raw = &inode->raw.inode;

    raw->i_mode = (uint16_t)(type | (entry->mode & 07777));
    raw->i_uid = (uint16_t)entry->uid;
    raw->i_gid = (uint16_t)entry->gid;
    ext2fs_set_i_uid_high(*raw, (uint16_t)(entry->uid >> 16));
    ext2fs_set_i_gid_high(*raw, (uint16_t)(entry->gid >> 16));
    raw->i_extra_isize = sizeof(*raw) - EXT2_GOOD_OLD_INODE_SIZE;
    encode_time(entry->mtime, entry->mtime_nsec, &raw->i_mtime, &raw->i_mtime_extra);
    raw->i_atime = raw->i_mtime;
    raw->i_atime_extra = raw->i_mtime_extra;
    encode_time(w->now, 0, &raw->i_ctime, &raw->i_ctime_extra);
    raw->i_crtime = raw->i_ctime;
    raw->i_crtime_extra = raw->i_ctime_extra;
}

void ext_inode_set_size(struct ext_inode *inode, uint64_t size)
{
    inode->raw.inode.i_size = (uint32_t)size;
    inode->raw.inode.i_size_high = (uint32_t)(size >> 32);
}

uint32_t ext_inode_seed(struct ext_writer *w, uint32_t ino)
{
    uint32_t generation = ext_inode_get(w, ino)->raw.inode.i_generation;
    uint32_t crc = ext2fs_crc32c_le(w->io.fs->csum_seed, (unsigned char *)&ino, sizeof(ino));

    return ext2fs_crc32c_le(crc, (unsigned char *)&generation, sizeof(generation));
}

/* i_blocks counts 512-byte units, in 48 bits. */
static void count_blocks(struct ext_inode *inode)
{
    uint64_t units = (inode->data.blocks + inode->meta.blocks) * (EXT_BLOCK / 512);

    inode->raw.inode.i_blocks = (uint32_t)units;
    inode->raw.inode.osd2.linux2.l_i_blocks_hi = (uint16_t)(units >> 32);
}

static int write_inode(struct ext_writer *w, uint32_t ino, uint64_t offset, struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, ino);
    errcode_t code = 0;

    if (!inode->used)
        return ext_stream_put(w->stream, offset, NULL, EXT_INODE_BYTES, e);
    if (inode->ours)
        count_blocks(inode);
    code = ext2fs_inode_csum_set(w->io.fs, ino, &inode->raw.inode);
    if (code != 0)
        return ext_io_error(&w->io, code, "an inode's checksum", e);
    return ext_stream_put(w->stream, offset, inode->raw.bytes, EXT_INODE_BYTES, e);
}

/* The used part of one group's table, up to a whole block. */
static int write_table(struct ext_writer *w, dgrp_t group, struct err *e)
{
    uint32_t per_group = w->io.fs->super->s_inodes_per_group, first = group * per_group + 1;
    uint32_t n = w->last_ino - first + 1 < per_group ? w->last_ino - first + 1 : per_group;
    uint64_t offset = ext2fs_inode_table_loc(w->io.fs, group) * EXT_BLOCK;
    uint64_t used = (uint64_t)n * EXT_INODE_BYTES;

    for (uint32_t i = 0; i < n; i++)
        if (write_inode(w, first + i, offset + (uint64_t)i * EXT_INODE_BYTES, e) < 0)
            return -1;
    return ext_stream_put(w->stream, offset + used, NULL, -used % EXT_BLOCK, e);
}

int ext_inodes_write(struct ext_writer *w, struct err *e)
{
    uint32_t per_group = w->io.fs->super->s_inodes_per_group;

    for (uint32_t ino = EXT2_GOOD_OLD_FIRST_INO; ino <= w->last_ino; ino++) {
        struct ext_inode *inode = ext_inode_get(w, ino);
        bool counted = ext2fs_test_inode_bitmap2(w->io.fs->inode_map, ino);

        if (inode->used && !counted)
            ext2fs_inode_alloc_stats2(w->io.fs, ino, +1, inode->dir != NULL);
        else if (!inode->used && counted) /* only lost+found, when it was removed */
            ext2fs_inode_alloc_stats2(w->io.fs, ino, -1, 1);
    }
    for (dgrp_t group = 0; group <= (w->last_ino - 1) / per_group; group++)
        if (write_table(w, group, e) < 0)
            return -1;
    return 0;
}
