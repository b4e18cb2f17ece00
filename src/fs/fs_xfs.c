// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_xfs.c: XFS, which grows while it is mounted and never shrinks. */
#include "core/cleanup.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/fs_tool.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

#define MIN_BYTES (300 * MIB) /* what mkfs.xfs asks for */
#define LABEL_MAX 12

/* The superblock's start (XFS Algorithms and Data Structures, "Superblocks"). Big-endian. */
struct superblock {
    char magic[4];
    uint32_t block;
    uint64_t blocks, realtime_blocks, realtime_extents;
    uint8_t uuid[16];
    uint64_t log_start;
    uint8_t unused[44];
    uint16_t version; /* the low four bits: 5 has what follows `in_progress` */
    uint8_t unused_too[24];
    uint8_t in_progress; /* mkfs did not end */
    uint8_t unused_behind[89];
    uint32_t incompatible;
} __attribute__((packed));

_Static_assert(offsetof(struct superblock, version) == 100, "sb_versionnum's place");
_Static_assert(offsetof(struct superblock, in_progress) == 126, "sb_inprogress's place");
_Static_assert(offsetof(struct superblock, incompatible) == 216, "sb_features_incompat's place");

#define NEEDS_REPAIR 0x10 /* among the incompatible features */

static int read_super(struct blockdev *bd, struct superblock *super, struct err *e)
{
    uint64_t block;

    if (bd->bytes < MIB || blockdev_pread(bd, super, sizeof(*super), 0, e) < 0)
        return err_set(e, ERR_VERIFY, "%s is too small for an XFS", bd->name);
    block = be32toh(super->block);
    if (memcmp(super->magic, "XFSB", sizeof(super->magic)) != 0 || block < 512 ||
        block > 64 * KIB || be64toh(super->blocks) > INT64_MAX / block)
        return err_set(e, ERR_VERIFY, "%s: no XFS superblock", bd->name);
    return 0;
}

/* The log is the one thing read where nothing was ever logged: mkfs.xfs zeroes all of it. */
static int xfs_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    char uuid[GUID_TEXT + 8] = "uuid=", sector[32];
    const char *argv[] = {"mkfs.xfs", "-q",   "-f", "-K", "-m",           uuid,
                          "-s",       sector, "-L", NULL, fs_tool_device, NULL};

    if (bd->bytes < MIN_BYTES)
        return fs_tool_too_small(bd, "xfs", MIN_BYTES, e);
    if (fs_tool_label(options, "xfs", LABEL_MAX, &argv[9], e) < 0)
        return -1;
    guid_print(&options->uuid, uuid + strlen(uuid));
    snprintf(sector, sizeof(sector), "size=%u", bd->sector);
    return fs_tool_make(bd, round_down(bd->bytes, 4096), argv, NULL, options, e);
}

/* What no kernel mounts, and so none grows. */
static int check_mountable(const struct blockdev *bd, const struct superblock *super, struct err *e)
{
    bool needs_repair =
        (be16toh(super->version) & 15) == 5 && (be32toh(super->incompatible) & NEEDS_REPAIR) != 0;

    if (super->in_progress == 0 && !needs_repair)
        return 0;
    err_set(e, ERR_REFUSED, "%s: its XFS %s", bd->name,
            needs_repair ? "is marked as damaged" : "was not made to its end");
    return err_hint(e, needs_repair ? "xfs_repair mends it" : "format it anew");
}

static int xfs_ready(struct blockdev *bd, struct err *e)
{
    static const char *const argv[] = {"xfs_logprint", "-t", fs_tool_device, NULL};
    _cleanup_free_ char *said = NULL;
    struct superblock super;

    if (read_super(bd, &super, e) < 0 || check_mountable(bd, &super, e) < 0)
        return -1;
    if (super.log_start == 0 || super.realtime_blocks != 0) {
        err_set(e, ERR_REFUSED, "%s: its XFS has parts on other devices", bd->name);
        return err_hint(e, "change it with xfs_growfs while it is mounted");
    }
    if (fs_tool_must(bd, argv, ERR_TOOL, &said, e) < 0)
        return -1;
    if (strstr(said, "<CLEAN>") != NULL)
        return 0;
    err_set(e, ERR_REFUSED, "%s: its XFS was not cleanly unmounted: its log needs recovery",
            bd->name);
    return err_hint(e, "mount it once and unmount it");
}

static int xfs_check(struct blockdev *bd, struct err *e)
{
    static const char *const argv[] = {"xfs_repair", "-n", "-f", fs_tool_device, NULL};

    return fs_tool_must(bd, argv, ERR_VERIFY, NULL, e);
}

static int xfs_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e)
{
    struct superblock super;

    if (read_super(bd, &super, e) < 0)
        return -1;
    bounds->unit = be32toh(super.block);
    bounds->now = bounds->least = be64toh(super.blocks) * bounds->unit;
    bounds->most = round_down(INT64_MAX, bounds->unit);
    return 0;
}

static int xfs_grow_mounted(const char *node, const char *mountpoint, struct err *e)
{
    (void)node;
    return spawn_tool(NULL, e, "xfs_growfs", mountpoint, NULL);
}

static const struct fs_program programs[] = {{"mkfs.xfs", FS_ONLY_MAKES},
                                             {"xfs_repair", "check"},
                                             {"xfs_logprint", "check"},
                                             {"xfs_growfs", "grow"},
                                             {NULL, NULL}};

const struct fs_ops fs_xfs_ops = {
    .name = "xfs",
    .blkid = (const char *const[]){"xfs", NULL},
    .type = "linux",
    .package = "xfsprogs",
    .programs = programs,
    .new_uuid = (const char *const[]){"xfs_admin -U generate", NULL},
    .grow = "XFS grows only while it is mounted",
    .shrink = "XFS cannot be made smaller",
    .make = xfs_make,
    .ready = xfs_ready,
    .check = xfs_check,
    .bounds = xfs_bounds,
    .grow_mounted = xfs_grow_mounted,
};
