// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_ext_read.c: what libext2fs tells of an ext filesystem: whether it may be changed, how large it
 * can be, which blocks are free. All of it is read in the jail.
 */
#include "core/size.h"
#include "fs/fs_ext.h"
#include "fs/fs_jail.h"
#include "tree/ext_io.h"

#include <string.h>

#define RUNS 4096 /* blocks asked for at a time; a multiple of 8 */

/* ---- may it be changed? ---- */

static int refuse(struct blockdev *bd, const char *why, const char *way_out, struct err *e)
{
    err_set(e, ERR_REFUSED, "%s: its ext filesystem %s", bd->name, why);
    return err_hint(e, "%s", way_out);
}

static int check_state(struct blockdev *bd, const struct ext2_super_block *super, struct err *e)
{
    static const char check[] = "let e2fsck -f repair it";
    static const char mount[] = "mount it once and unmount it, or run e2fsck";
    struct ext2_super_block copy = *super; /* the library's tests of features take no const */

    if (ext2fs_has_feature_journal_dev(&copy))
        return refuse(bd, "is the journal of another one", "leave it as it is", e);
    if (ext2fs_has_feature_journal_needs_recovery(&copy))
        return refuse(bd, "was not cleanly unmounted: its journal needs recovery", mount, e);
    if ((super->s_state & EXT2_ERROR_FS) != 0)
        return refuse(bd, "is marked as damaged", check, e);
    if ((super->s_state & EXT2_VALID_FS) == 0)
        return refuse(bd, "was not cleanly unmounted", check, e);
    if (super->s_last_orphan != 0)
        return refuse(bd, "has files that are half deleted", mount, e);
    return 0;
}

static int read_ready(struct blockdev *bd, void *result, struct err *e)
{
    struct ext_io io;
    int status;

    (void)result;
    if (ext_io_open(&io, bd, EXT2_FLAG_64BITS | EXT2_FLAG_JOURNAL_DEV_OK, e) < 0) {
        if (e->code == ERR_UNSUPPORTED)
            e->code = ERR_REFUSED;
        return -1;
    }
    status = check_state(bd, io.fs->super, e);
    if (status == 0 && ext2fs_blocks_count(io.fs->super) > bd->bytes / io.fs->blocksize)
        status = refuse(
            bd, "is larger than its partition",
            "if the partition was cut by mistake, `berth part resize` gives it that size back", e);
    ext_io_close(&io);
    return status;
}

int fs_ext_ready(struct blockdev *bd, struct err *e)
{
    char none = 0;

    return fs_jail_read(bd, read_ready, &none, sizeof(none), e);
}

/* ---- when was it written? ---- */

static int read_written(struct blockdev *bd, void *result, struct err *e)
{
    struct ext_io io;

    if (ext_io_open(&io, bd, EXT2_FLAG_64BITS, e) < 0)
        return -1;
    *(uint64_t *)result = io.fs->super->s_wtime | (uint64_t)io.fs->super->s_wtime_hi << 32;
    ext_io_close(&io);
    return 0;
}

int fs_ext_written(struct blockdev *bd, uint64_t *seconds, struct err *e)
{
    *seconds = 0;
    return fs_jail_read(bd, read_written, seconds, sizeof(*seconds), e);
}

/* ---- how large can it be? ---- */

/* Blocks of a group that belong to the filesystem itself. */
static uint64_t group_overhead(ext2_filsys fs, dgrp_t group)
{
    uint64_t blocks = fs->inode_blocks_per_group + 2; /* and the two bitmaps */

    if (ext2fs_bg_has_super(fs, group))
        blocks += 1 + fs->desc_blocks + fs->super->s_reserved_gdt_blocks;
    return blocks;
}

/* The fewest blocks that hold as many groups as the inodes need, their own metadata, and the data.
 * tail: blocks that the last group has beside its metadata. */
static uint64_t fewest_blocks(ext2_filsys fs, uint64_t data, uint64_t tail)
{
    struct ext2_super_block *super = fs->super;
    uint64_t inodes = super->s_inodes_count - super->s_free_inodes_count;
    uint64_t in_group = super->s_blocks_per_group, overhead = 0, need, floor;
    uint64_t blocks = ext2fs_blocks_count(super);

    for (dgrp_t g = 0; g < fs->group_desc_count; g++) {
        overhead += group_overhead(fs, g);
        need = super->s_first_data_block + overhead + data;
        floor = g * in_group + super->s_first_data_block + group_overhead(fs, g) + tail;
        if (need < floor)
            need = floor;
        if (need <= (g + 1) * in_group && (g + 1) * (uint64_t)super->s_inodes_per_group >= inodes)
            return need < blocks ? need : blocks;
    }
    return blocks;
}

/*
 * What is moved may need more extents than before: 5 % and 2 MiB of air. resize2fs refuses to leave
 * a last group that holds little more than its metadata. Without both it is a size below which
 * nothing can fit.
 */
static void estimate(ext2_filsys fs, uint64_t data, struct fs_ext_size *size)
{
    size->floor = fewest_blocks(fs, data, 0);
    size->least = fewest_blocks(fs, data + data / 20 + 2 * MIB / fs->blocksize, 64);
}

/* Block numbers have 32 bits, or 48 in practice; inode numbers always 32. */
static uint64_t most_blocks(ext2_filsys fs)
{
    uint64_t groups = UINT32_MAX / fs->super->s_inodes_per_group;
    uint64_t by_inodes = groups * fs->super->s_blocks_per_group;
    uint64_t by_number = ext2fs_has_feature_64bit(fs->super) ? UINT64_C(1) << 48 : UINT32_MAX;

    return by_inodes < by_number ? by_inodes : by_number;
}

static int read_size(struct blockdev *bd, void *result, struct err *e)
{
    struct fs_ext_size *size = result;
    uint64_t used, overhead = 0;
    struct ext_io io;

    if (ext_io_open(&io, bd, EXT2_FLAG_64BITS, e) < 0)
        return -1;
    size->block = io.fs->blocksize;
    size->blocks = ext2fs_blocks_count(io.fs->super);
    used = size->blocks - ext2fs_free_blocks_count(io.fs->super);
    for (dgrp_t g = 0; g < io.fs->group_desc_count; g++)
        overhead += group_overhead(io.fs, g);
    estimate(io.fs, used > overhead ? used - overhead : 0, size);
    size->most = most_blocks(io.fs);
    if (ext2fs_has_feature_bigalloc(io.fs->super)) /* resize2fs 1.47 leaves its counters wrong */
        size->floor = size->least = size->most = size->blocks;
    ext_io_close(&io);
    return 0;
}

int fs_ext_size(struct blockdev *bd, struct fs_ext_size *size, struct err *e)
{
    *size = (struct fs_ext_size){0};
    if (fs_jail_read(bd, read_size, size, sizeof(*size), e) < 0)
        return -1;
    if (size->block < 1024 || size->block > 64 * KIB || size->blocks > UINT64_MAX / size->block)
        return err_set(e, ERR_FAILED, "%s: an ext filesystem of impossible size", bd->name);
    if (size->most < size->blocks)
        size->most = size->blocks;
    if (size->most > INT64_MAX / size->block)
        size->most = INT64_MAX / size->block;
    return 0;
}

/* ---- which blocks are free? ---- */

static int read_bits(struct ext_io *io, struct fs_jail_bits *bits, struct err *e)
{
    uint64_t first = io->fs->super->s_first_data_block / EXT2FS_CLUSTER_RATIO(io->fs);
    uint8_t used[RUNS / 8];
    errcode_t code = ext2fs_read_block_bitmap(io->fs);

    for (uint64_t at = first, n; code == 0 && at < bits->blocks; at += n) {
        n = bits->blocks - at < RUNS ? bits->blocks - at : RUNS;
        code = ext2fs_get_block_bitmap_range2(io->fs->block_map, at, n, used);
        for (uint64_t i = 0; code == 0 && i < n; i++)
            if ((used[i / 8] >> (i % 8) & 1) == 0)
                bits->bits[(at + i) / 8] |= (uint8_t)(1U << ((at + i) % 8));
    }
    return code == 0 ? 0 : ext_io_error(io, code, "reading which blocks are free", e);
}

static int read_free(struct blockdev *bd, void *result, struct err *e)
{
    struct fs_jail_bits *bits = result;
    struct ext_io io;
    int status = 0;

    if (ext_io_open(&io, bd, EXT2_FLAG_64BITS, e) < 0)
        return -1;
    bits->block = (uint64_t)EXT2_CLUSTER_SIZE(io.fs->super);
    bits->blocks = ext2fs_blocks_count(io.fs->super) / (bits->block / io.fs->blocksize);
    if (bits->n > 0 && bits->blocks <= bits->n * 8)
        status = read_bits(&io, bits, e);
    ext_io_close(&io);
    return status;
}

int fs_ext_free_blocks(struct blockdev *bd, struct fs_free *free_blocks, struct err *e)
{
    return fs_jail_free_blocks(bd, read_free, free_blocks, e);
}
