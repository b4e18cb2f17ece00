// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_ntfs.c: NTFS, by the tools of ntfs-3g.
 *
 * ntfsresize leaves the volume marked dirty, so that Windows runs chkdsk at its next start;
 * here the volume is checked at once and the mark taken off. It knows nothing of hibernation:
 * whoever resizes asks fs_ops.ready first.
 */
#include "fs/fs_ntfs.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fs_tool.h"

#include <endian.h>
#include <string.h>

#define MIN_BYTES    (2 * MIB)
#define MAX_LABEL    32 /* characters, of one byte at least */
#define CLUSTERS_MAX UINT32_MAX
#define HIDDEN_AT    0x1c /* offsets in the boot sector */
#define SERIAL_AT    0x48

static int patch_serial(struct blockdev *stage, const struct fs_options *options, struct err *e)
{
    return fs_ntfs_boot_patch(stage, SERIAL_AT, options->uuid.bytes, 8, e);
}

/* Windows does not boot from a volume whose boot sector has another start or geometry than this.
 * mkntfs -Q leaves only clusters alone that no file has; its own files, $LogFile, $MFT's reserve
 * and the bitmaps among them, it writes in full. */
static int ntfs_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    char start[32], sector[16];
    const char *argv[] = {"mkntfs", "-q", "-F", "-Q",  "-c", "4096", "-s", sector, "-p", start,
                          "-S",     "63", "-H", "255", "-L", NULL,   NULL, NULL,   NULL};
    size_t n = 15;

    if (bd->bytes < MIN_BYTES)
        return fs_tool_too_small(bd, "ntfs", MIN_BYTES, e);
    if (fs_tool_label(options, "ntfs", MAX_LABEL, &argv[n++], e) < 0)
        return -1;
    if (getenv("SOURCE_DATE_EPOCH") != NULL)
        argv[n++] = "-T"; /* all times are 1970: the same bytes each time */
    argv[n] = fs_tool_device;
    snprintf(start, sizeof(start), "%llu", (unsigned long long)(options->at / bd->sector));
    snprintf(sector, sizeof(sector), "%u", bd->sector);
    return fs_tool_make(bd, bd->bytes, argv, patch_serial, options, e);
}

/* ntfsresize accounts for every cluster; libntfs-3g compares the first files with their mirror. */
static int ntfs_check(struct blockdev *bd, struct err *e)
{
    static const char *const argv[] = {"ntfsresize", "--check", "--force", fs_tool_device, NULL};

    return fs_ntfs_mounts(bd, e) < 0 ? -1 : fs_tool_must(bd, argv, ERR_VERIFY, NULL, e);
}

/* ntfsresize's own figure counts what is used; what is in the way needs some room to go to. */
static int least_bytes(struct blockdev *bd, const struct fs_ntfs_boot *boot,
                       struct fs_bounds *bounds, struct err *e)
{
    static const char *const argv[] = {"ntfsresize", "--info", "--no-progress-bar", fs_tool_device,
                                       NULL};
    static const char words[] = "You might resize at ";
    _cleanup_free_ char *said = NULL;
    const char *found;
    unsigned long long bytes = boot->bytes;

    if (fs_tool_must(bd, argv, ERR_TOOL, &said, e) < 0)
        return -1;
    found = strstr(said, words);
    if (found != NULL && sscanf(found + sizeof(words) - 1, "%llu bytes", &bytes) != 1)
        return err_set(e, ERR_TOOL, "%s: ntfsresize did not say how small it can be", bd->name);
    bounds->floor = round_up(bytes, boot->cluster);
    bounds->least = round_up(bytes + bytes / 20 + MIB, boot->cluster);
    if (bounds->least > boot->bytes)
        bounds->least = boot->bytes;
    return 0;
}

static int ntfs_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e)
{
    struct fs_ntfs_boot boot;

    if (fs_ntfs_boot_read(bd, &boot, e) < 0 || least_bytes(bd, &boot, bounds, e) < 0)
        return -1;
    bounds->now = boot.bytes;
    bounds->most = (uint64_t)CLUSTERS_MAX * boot.cluster;
    bounds->unit = boot.cluster;
    return 0;
}

/* ntfsfix also brings the copy of the boot sector to the new end, and then finds nothing to say. */
static int run_resize(struct blockdev *overlay, uint64_t bytes, struct err *e)
{
    static const char *const clear[] = {"ntfsfix", "-d", fs_tool_device, NULL};
    static const char *const look[] = {"ntfsfix", "-n", fs_tool_device, NULL};
    char size[32];
    const char *resize[] = {"ntfsresize",   "--force", "--no-progress-bar", "--size", size,
                            fs_tool_device, NULL};

    snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
    if (fs_tool_must(overlay, resize, ERR_TOOL, NULL, e) < 0 ||
        overlay_cut(overlay, bytes, e) < 0 || fs_tool_must(overlay, clear, ERR_TOOL, NULL, e) < 0 ||
        fs_tool_must(overlay, look, ERR_VERIFY, NULL, e) < 0)
        return err_wrap(e, "changing its size");
    return 0;
}

static int ntfs_resize(struct blockdev *overlay, uint64_t bytes, struct err *e)
{
    struct fs_bounds bounds;
    struct fs_ntfs_boot boot;

    if (ntfs_check(overlay, e) < 0 || ntfs_bounds(overlay, &bounds, e) < 0 ||
        fs_bounds_allow(overlay, &bounds, bytes, e) < 0)
        return -1;
    if (run_resize(overlay, bytes, e) < 0 || fs_ntfs_boot_read(overlay, &boot, e) < 0)
        return -1;
    return ntfs_check(overlay, e);
}

static int ntfs_moved(struct blockdev *bd, uint64_t at, struct err *e)
{
    struct fs_ntfs_boot boot;
    uint32_t hidden;

    if (fs_ntfs_boot_read(bd, &boot, e) < 0)
        return -1;
    hidden = htole32((uint32_t)(at / boot.sector));
    return fs_ntfs_boot_patch(bd, HIDDEN_AT, &hidden, sizeof(hidden), e);
}

static const struct fs_program programs[] = {{"mkntfs", FS_ONLY_MAKES},
                                             {"ntfsresize", "check, shrink, grow"},
                                             {"ntfsfix", "shrink, grow"},
                                             {NULL, NULL}};

const struct fs_ops fs_ntfs_ops = {
    .name = "ntfs",
    .blkid = (const char *const[]){"ntfs", "BitLocker", NULL},
    .type = "windows",
    .package = "ntfs-3g",
    .programs = programs,
    .new_uuid = (const char *const[]){"ntfslabel --new-serial", NULL},
    .make = ntfs_make,
    .ready = fs_ntfs_ready,
    .movable = fs_ntfs_ready,
    .check = ntfs_check,
    .bounds = ntfs_bounds,
    .resize = ntfs_resize,
    .free_blocks = fs_ntfs_free_blocks,
    .moved = ntfs_moved,
};
