// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_swap.c: runs mkswap on a sparse stage and brings the header over. */
#include "partition/fs_swap.h"
#include "core/spawn.h"

#include <stdio.h>

#define HEADER_BYTES                                                                               \
    4096 /* a swap area's header is one page; the rest is never read before written */

int fs_swap_make(struct blockdev *bd, const struct guid *uuid, const char *label, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = mem_open(bd->bytes, bd->sector, e);
    char page[HEADER_BYTES], path[MEM_PATH], text[GUID_TEXT], short_label[16];

    if (stage == NULL)
        return -1;
    snprintf(short_label, sizeof(short_label), "%s", label);
    if (spawn_tool(NULL, e, "mkswap", "--quiet", "--pagesize", "4096", "--uuid",
                   guid_print(uuid, text), "--label", short_label, mem_path(stage, path),
                   NULL) < 0 ||
        blockdev_pread(stage, page, sizeof(page), 0, e) < 0 ||
        blockdev_pwrite(bd, page, sizeof(page), 0, e) < 0)
        return err_wrap(e, "making swap on %s", bd->name);
    return 0;
}
