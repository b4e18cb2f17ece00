// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_ext4.c: makes an empty ext2, ext3 or ext4 by running mke2fs on a sparse stage, then brings the
 * stage's data to the device; and the rows of the three.
 *
 * mke2fs never sees the device. It runs with a configuration of ours, so that the features do not
 * depend on the machine. Where mke2fs makes a hole in the stage for zeros that will be read
 * (inode tables in use), zeros are written to the device, since it may hold anything.
 */
#include "fs/fs_ext4.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/fs_ext.h"
#include "fs/fs_tool.h"
#include "tree/ext_io.h"
#include "tree/tree.h"

#include <string.h>

#define BLOCK     4096
#define MIN_BYTES (4 * MIB) /* below, there is no room for files beside the metadata */
#define MAX_LABEL 16

/* No metadata_csum_seed, orphan_file, casefold or encrypt: Linux 5.10 or GRUB 2.06 lack them. */
static const char configuration[] =
    "[defaults]\n"
    "base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr\n"
    "default_mntopts = acl,user_xattr\n"
    "enable_periodic_fsck = 0\n"
    "blocksize = 4096\n"
    "inode_size = 256\n"
    "inode_ratio = 16384\n"
    "[fs_types]\n"
    "ext2 = {\n"
    "}\n"
    "ext3 = {\n"
    "features = has_journal\n"
    "}\n"
    "ext4 = {\n"
    "features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize\n"
    "}\n";

/* Runs mke2fs with the given words for its -E, -U and size, and our configuration. */
static int run_mke2fs(struct blockdev *stage, const char *kind, const struct fs_options *options,
                      const char *extended, const char *blocks, const char *config, struct err *e)
{
    char uuid[GUID_TEXT], config_env[96], time_env[64], path[MEM_PATH];
    const char *label = options->label != NULL ? options->label : "";
    const char *argv[] = {"mke2fs", "-q", "-F",    "-t", kind,  "-b",
                          "4096",   "-U", uuid,    "-L", label, "-E",
                          extended, "-o", "Linux", "-T", kind,  mem_path(stage, path),
                          blocks,   NULL};
    const char *env[] = {config_env, time_env, NULL};
    const char *unset[] = {"MKE2FS_SYNC", "MKE2FS_FIRST_META_BG", "MKE2FS_DEVICE_SECTSIZE",
                           "MKE2FS_DEVICE_PHYS_SECTSIZE", NULL};
    struct spawn spawn = {
        .argv = argv, .env = env, .unset = unset, .stdin_fd = -1, .stdout_fd = -1};

    guid_print(&options->uuid, uuid);
    snprintf(config_env, sizeof(config_env), "MKE2FS_CONFIG=%s", config);
    snprintf(time_env, sizeof(time_env), "E2FSPROGS_FAKE_TIME=%lld",
             (long long)(tree_now() > 0 ? tree_now() : 1));
    return spawn_run(&spawn, NULL, e);
}

/* The configuration goes into a memfd of its own, and mke2fs reads it by its path in /proc. */
static int make_on_stage(struct blockdev *stage, const char *kind, const struct fs_options *options,
                         uint64_t bytes, struct err *e)
{
    size_t len = sizeof(configuration) - 1;
    _cleanup_blockdev_ struct blockdev *config = mem_open(len, 512, e);
    char path[MEM_PATH], seed_text[GUID_TEXT], extended[160], blocks[32];
    struct guid seed;

    if (config == NULL || blockdev_pwrite(config, configuration, len, 0, e) < 0)
        return err_wrap(e, "a temporary mke2fs.conf");
    guid_derive(&options->uuid, "ext4 directory hash", &seed);
    /* nodiscard: a discarded file counts as zeroed, and mke2fs would then tell the kernel that
     * unused inode tables hold zeros, which is true of the stage only */
    snprintf(extended, sizeof(extended),
             "nodiscard,lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0,hash_seed=%s",
             guid_print(&seed, seed_text));
    snprintf(blocks, sizeof(blocks), "%llu", (unsigned long long)(bytes / BLOCK));
    return run_mke2fs(stage, kind, options, extended, blocks, mem_path(config, path), e);
}

static int copy_blocks(struct blockdev *from, struct blockdev *to, blk64_t block, uint64_t n,
                       struct err *e)
{
    char buf[BLOCK];

    for (; n > 0; n--, block++)
        if (blockdev_pread(from, buf, BLOCK, block * BLOCK, e) < 0 ||
            blockdev_pwrite(to, buf, BLOCK, block * BLOCK, e) < 0)
            return -1;
    return 0;
}

/* The parts of a group that are read even where the stage has a hole. */
static int copy_group(struct ext_io *io, struct blockdev *to, dgrp_t group, struct err *e)
{
    ext2_filsys fs = io->fs;
    struct blockdev *from = io->bd;
    uint64_t inodes = fs->super->s_inodes_per_group - ext2fs_bg_itable_unused(fs, group);

    if (!ext2fs_bg_flags_test(fs, group, EXT2_BG_BLOCK_UNINIT) &&
        copy_blocks(from, to, ext2fs_block_bitmap_loc(fs, group), 1, e) < 0)
        return -1;
    if (ext2fs_bg_flags_test(fs, group, EXT2_BG_INODE_UNINIT))
        return 0;
    if (copy_blocks(from, to, ext2fs_inode_bitmap_loc(fs, group), 1, e) < 0)
        return -1;
    return copy_blocks(from, to, ext2fs_inode_table_loc(fs, group),
                       round_up(inodes * EXT2_INODE_SIZE(fs->super), BLOCK) / BLOCK, e);
}

static int copy_stage(struct blockdev *stage, struct blockdev *to, struct err *e)
{
    struct ext_io io;
    int result = 0;

    if (blockdev_copy_data(stage, to, e) < 0 || ext_io_open(&io, stage, EXT2_FLAG_64BITS, e) < 0)
        return -1;
    for (dgrp_t group = 0; result == 0 && group < io.fs->group_desc_count; group++)
        result = copy_group(&io, to, group, e);
    ext_io_close(&io);
    return result;
}

static int make(struct blockdev *bd, const char *kind, const struct fs_options *options,
                struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = NULL;
    const char *label;

    if (bd->bytes < MIN_BYTES)
        return fs_tool_too_small(bd, kind, MIN_BYTES, e);
    if (fs_tool_label(options, kind, MAX_LABEL, &label, e) < 0)
        return -1;
    stage = mem_open(round_down(bd->bytes, BLOCK), 512, e);
    if (stage == NULL || make_on_stage(stage, kind, options, bd->bytes, e) < 0 ||
        fs_tool_wipe(bd, e) < 0 || copy_stage(stage, bd, e) < 0)
        return err_wrap(e, "making an %s on %s", kind, bd->name);
    return 0;
}

int fs_ext4_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    return make(bd, "ext4", options, e);
}

static int fs_ext3_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    return make(bd, "ext3", options, e);
}

static int fs_ext2_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    return make(bd, "ext2", options, e);
}

static const struct fs_program programs[] = {
    {"mke2fs", FS_ONLY_MAKES}, {"e2fsck", "check"}, {"resize2fs", "shrink, grow"}, {NULL, NULL}};

/* tune2fs wants one that was looked through since it was mounted. */
static const char *const new_uuid[] = {"e2fsck -fp", "tune2fs -U random", NULL};

/* clang-format off */
#define EXT_ROW(kind)                                                                              \
    const struct fs_ops fs_##kind##_ops = {                                                        \
        .name = #kind,                                                                             \
        .blkid = (const char *const[]){#kind, NULL},                                               \
        .type = "linux",                                                                           \
        .package = "e2fsprogs",                                                                    \
        .programs = programs,                                                                      \
        .new_uuid = new_uuid,                                                                      \
        .at_offset = "?offset=",                                                                   \
        .make = fs_##kind##_make,                                                                   \
        .ready = fs_ext_ready,                                                                     \
        .check = fs_ext_check,                                                                     \
        .bounds = fs_ext_bounds,                                                                   \
        .resize = fs_ext_resize,                                                                   \
        .free_blocks = fs_ext_free_blocks,                                                         \
        .written = fs_ext_written,                                                                 \
        .grow_mounted = fs_ext_grow_mounted,                                                       \
    }
/* clang-format on */

EXT_ROW(ext2);
EXT_ROW(ext3);
EXT_ROW(ext4);
