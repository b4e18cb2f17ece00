// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_btrfs.c: btrfs, which changes its size only while it is mounted. Of its superblock, what is
 * needed to judge it is read here; the rest is left to its own tools.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/fs_tool.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SUPER_AT  (64 * KIB)
#define MIN_BYTES (110 * MIB) /* what mkfs.btrfs asks for */
#define LABEL_MAX 255

#define KERNEL_LEAST (256 * MIB) /* the kernel sets no smaller size (Linux, btrfs_ioctl_resize) */

/* The superblock (btrfs on-disk format, "superblock"), up to the first device's size. */
struct superblock {
    uint8_t checksum[32], fsid[16];
    uint64_t at, flags;
    char magic[8];
    uint64_t generation, root, chunk_root, log_root, log_root_transid;
    uint64_t bytes, used, root_folder, devices;
    uint32_t sector;
    uint8_t unused[53];
    uint64_t device_id, device_bytes;
} __attribute__((packed));

_Static_assert(offsetof(struct superblock, device_id) == 0xc9, "the device item's place");

static int read_super(struct blockdev *bd, struct superblock *super, struct err *e)
{
    if (bd->bytes < SUPER_AT + sizeof(*super))
        return err_set(e, ERR_VERIFY, "%s is too small for a btrfs", bd->name);
    if (blockdev_pread(bd, super, sizeof(*super), SUPER_AT, e) < 0)
        return -1;
    if (memcmp(super->magic, "_BHRfS_M", sizeof(super->magic)) != 0)
        return err_set(e, ERR_VERIFY, "%s: no btrfs superblock", bd->name);
    return 0;
}

/* mkfs.btrfs writes every tree block it counts as used in full, and both superblocks. */
static int btrfs_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    char uuid[GUID_TEXT];
    const char *argv[] = {"mkfs.btrfs", "-q", "-f", "-K",           "-U",
                          uuid,         "-L", NULL, fs_tool_device, NULL};

    if (bd->bytes < MIN_BYTES)
        return fs_tool_too_small(bd, "btrfs", MIN_BYTES, e);
    if (fs_tool_label(options, "btrfs", LABEL_MAX, &argv[7], e) < 0)
        return -1;
    guid_print(&options->uuid, uuid);
    return fs_tool_make(bd, round_down(bd->bytes, 4096), argv, NULL, options, e);
}

/* Flags of the superblock with which the kernel mounts none for writing. */
static const struct {
    uint64_t flag;
    const char *what, *hint;
} unwritable[] = {
    {UINT64_C(1) << 32, "is a seed, which is never written to", "btrfstune -S 0 ends that"},
    {UINT64_C(1) << 33, "is a dump of metadata only", "it cannot be resized"},
    {UINT64_C(1) << 34, "is a dump of metadata only", "it cannot be resized"},
    {UINT64_C(1) << 35, "was interrupted while its UUID was changed", "btrfstune -u completes it"},
};

static int check_flags(const struct blockdev *bd, const struct superblock *super, struct err *e)
{
    for (size_t i = 0; i < sizeof(unwritable) / sizeof(unwritable[0]); i++) {
        if ((le64toh(super->flags) & unwritable[i].flag) == 0)
            continue;
        err_set(e, ERR_REFUSED, "%s: its btrfs %s", bd->name, unwritable[i].what);
        return err_hint(e, "%s", unwritable[i].hint);
    }
    return 0;
}

static int btrfs_ready(struct blockdev *bd, struct err *e)
{
    struct superblock super;

    if (read_super(bd, &super, e) < 0 || check_flags(bd, &super, e) < 0)
        return -1;
    if (le64toh(super.devices) != 1) {
        err_set(e, ERR_REFUSED, "%s: its btrfs spans %llu devices", bd->name,
                (unsigned long long)le64toh(super.devices));
        return err_hint(e, "change it with the btrfs command while it is mounted");
    }
    if (super.log_root == 0)
        return 0;
    err_set(e, ERR_REFUSED, "%s: its btrfs was not cleanly unmounted", bd->name);
    return err_hint(e, "mount it once and unmount it");
}

static int btrfs_check(struct blockdev *bd, struct err *e)
{
    static const char *const argv[] = {"btrfs", "check", "--readonly", fs_tool_device, NULL};

    return fs_tool_must(bd, argv, ERR_VERIFY, NULL, e);
}

/* What is used may be there twice (metadata), and btrfs shrinks by whole chunks of up to a
 * gigabyte: `least` has room for that. From what is used up to there btrfs itself tries; it refuses
 * what does not fit, and nothing is lost. */
static int btrfs_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e)
{
    struct superblock super;
    uint64_t used;

    if (read_super(bd, &super, e) < 0)
        return -1;
    used = le64toh(super.used) < bd->bytes ? le64toh(super.used) : bd->bytes;
    bounds->unit = 4096;
    bounds->now = le64toh(super.device_bytes);
    bounds->least = round_up(used + used / 4 + 512 * MIB, MIB);
    if (bounds->least > bounds->now)
        bounds->least = bounds->now;
    bounds->floor = round_up(used, MIB) > KERNEL_LEAST ? round_up(used, MIB) : KERNEL_LEAST;
    bounds->least_set = KERNEL_LEAST;
    bounds->most = round_down(INT64_MAX, bounds->unit);
    return 0;
}

/* It may span several devices, each with a size of its own: this one is named by its number. */
static int resize_mounted(const char *node, const char *mountpoint, const char *size, struct err *e)
{
    _cleanup_close_ int fd = open(node, O_RDONLY | O_CLOEXEC);
    struct superblock super;
    char text[64];
    int result;

    if (fd < 0)
        return err_errno(e, "%s", node);
    if (io_pread(fd, &super, sizeof(super), SUPER_AT, e) < 0)
        return err_wrap(e, "%s", node);
    snprintf(text, sizeof(text), "%llu:%s", (unsigned long long)le64toh(super.device_id), size);
    result = spawn_tool(NULL, e, "btrfs", "filesystem", "resize", text, mountpoint, NULL);
    if (result < 0 && strstr(e->text, "No space left on device") != NULL)
        e->code = ERR_NO_SPACE;
    return result;
}

static int btrfs_head(struct blockdev *bd, uint64_t *offset, struct err *e)
{
    (void)bd;
    (void)e;
    *offset = SUPER_AT;
    return 0;
}

static int btrfs_grow_mounted(const char *node, const char *mountpoint, struct err *e)
{
    return resize_mounted(node, mountpoint, "max", e);
}

static int btrfs_shrink_mounted(const char *node, const char *mountpoint, uint64_t bytes,
                                struct err *e)
{
    char size[32];

    snprintf(size, sizeof(size), "%llu", (unsigned long long)round_down(bytes, 4096));
    return resize_mounted(node, mountpoint, size, e);
}

static const char mounted_only[] = "btrfs changes its size only while it is mounted";

static const struct fs_program programs[] = {
    {"mkfs.btrfs", FS_ONLY_MAKES}, {"btrfs", "check, shrink, grow"}, {NULL, NULL}};

const struct fs_ops fs_btrfs_ops = {
    .name = "btrfs",
    .blkid = (const char *const[]){"btrfs", NULL},
    .type = "linux",
    .package = "btrfs-progs",
    .programs = programs,
    .new_uuid = (const char *const[]){"btrfstune -u", NULL},
    .grow = mounted_only,
    .shrink = mounted_only,
    .make = btrfs_make,
    .ready = btrfs_ready,
    .check = btrfs_check,
    .bounds = btrfs_bounds,
    .head = btrfs_head,
    .grow_mounted = btrfs_grow_mounted,
    .shrink_mounted = btrfs_shrink_mounted,
};
