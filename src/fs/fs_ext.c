// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_ext.c: checks and resizes ext2, ext3 and ext4 with e2fsck and resize2fs.
 *
 * Nothing is repaired here: what e2fsck finds fault with is not resized. resize2fs gets -f, since
 * it otherwise wants an e2fsck that writes; the check before it takes that one's place, and the one
 * behind it looks at what it did.
 */
#include "fs/fs_ext.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "core/spawn.h"
#include "fs/fs_tool.h"

#include <string.h>

int fs_ext_check(struct blockdev *bd, struct err *e)
{
    static const char *const argv[] = {"e2fsck", "-f", "-n", fs_tool_device, NULL};

    if (fs_tool_must(bd, argv, ERR_VERIFY, NULL, e) == 0)
        return 0;
    return e->code != ERR_VERIFY ? -1
                                 : err_hint(e, "let e2fsck -f mend it first (in an image file as "
                                               "e2fsck -f 'FILE?offset=BYTES')");
}

/* resize2fs, which when it fails advises an e2fsck of the device that it was given: that is an
 * overlay, and what is on the disk needs none. */
static int run_resize2fs(struct blockdev *overlay, const char *const *argv, char **said,
                         struct err *e)
{
    char *advice;

    if (fs_tool_must(overlay, argv, ERR_TOOL, said, e) == 0)
        return 0;
    advice = strstr(e->text, " Please run 'e2fsck");
    if (advice != NULL)
        *advice = '\0';
    return err_hint(e, "nothing was changed: it was tried on a copy; another size may do");
}

/* Blocks that resize2fs itself wants; by its own manual no more than a guess. */
static int least_of_resize2fs(struct blockdev *bd, uint64_t *blocks, struct err *e)
{
    static const char *const argv[] = {"resize2fs", "-f", "-P", fs_tool_device, NULL};
    _cleanup_free_ char *said = NULL;
    const char *number;

    if (run_resize2fs(bd, argv, &said, e) < 0)
        return -1;
    number = strrchr(said, ':');
    if (number == NULL || sscanf(number, ": %lu", blocks) != 1)
        return err_set(e, ERR_TOOL, "%s: resize2fs did not say how small it can be: %s", bd->name,
                       said);
    return 0;
}

int fs_ext_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e)
{
    struct fs_ext_size size;
    uint64_t theirs;

    if (fs_ext_size(bd, &size, e) < 0 || least_of_resize2fs(bd, &theirs, e) < 0)
        return -1;
    if (theirs > size.least)
        size.least = theirs < size.blocks ? theirs : size.blocks;
    *bounds = (struct fs_bounds){
        .now = size.blocks * size.block,
        .least = size.least * size.block,
        .most = size.most * size.block,
        .unit = size.block,
        .floor = size.floor * size.block,
    };
    return 0;
}

static int run_resize(struct blockdev *overlay, uint64_t bytes, struct err *e)
{
    char sectors[32];
    const char *argv[] = {"resize2fs", "-f", fs_tool_device, sectors, NULL};
    struct fs_ext_size size;

    snprintf(sectors, sizeof(sectors), "%llus", (unsigned long long)(bytes / 512));
    if (run_resize2fs(overlay, argv, NULL, e) < 0 || fs_ext_size(overlay, &size, e) < 0)
        return -1;
    if (size.blocks * size.block > bytes)
        return err_set(e, ERR_VERIFY, "%s: resize2fs has left it %llu bytes large, not %llu",
                       overlay->name, (unsigned long long)(size.blocks * size.block),
                       (unsigned long long)bytes);
    return overlay_cut(overlay, bytes, e) < 0 ? -1 : fs_ext_check(overlay, e);
}

/* resize2fs drops a last group that would hold little more than its own metadata, so that the
 * result may be smaller than asked for; never larger, or e2fsck would say so of the overlay that
 * was cut. */
int fs_ext_resize(struct blockdev *overlay, uint64_t bytes, struct err *e)
{
    struct fs_bounds bounds;

    if (fs_ext_check(overlay, e) < 0)
        return err_hint(e, "nothing was changed: let e2fsck -f mend it first (in an image file as "
                           "e2fsck -f 'FILE?offset=BYTES')");
    if (fs_ext_bounds(overlay, &bounds, e) < 0 || fs_bounds_allow(overlay, &bounds, bytes, e) < 0)
        return -1;
    if (round_down(bytes, bounds.unit) == bounds.now)
        return overlay_cut(overlay, bytes, e);
    return run_resize(overlay, bytes, e) < 0 ? err_wrap(e, "changing its size") : 0;
}

int fs_ext_grow_mounted(const char *node, const char *mountpoint, struct err *e)
{
    (void)mountpoint;
    return spawn_tool(NULL, e, "resize2fs", node, NULL);
}
