// SPDX-License-Identifier: GPL-3.0-or-later
/* table_stage.c: copies the sectors of a table to memory. */
#include "partition/table_stage.h"
#include "core/cleanup.h"

#include <stdlib.h>

static int copy(struct blockdev *stage, struct blockdev *bd, struct extent range, struct err *e)
{
    _cleanup_free_ void *buf = malloc((size_t)range.bytes);

    if (buf == NULL)
        return err_no_memory(e);
    return blockdev_pread(bd, buf, (size_t)range.bytes, range.start, e) < 0
               ? -1
               : blockdev_pwrite(stage, buf, (size_t)range.bytes, range.start, e);
}

struct blockdev *table_stage_open(struct blockdev *bd, const struct table *there, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = mem_open(bd->bytes, bd->sector, e);
    _cleanup_free_ struct extent *sectors = NULL;
    size_t n = 0;

    if (stage == NULL ||
        (there->kind != TABLE_NONE && table_sectors(there, bd, &sectors, &n, e) < 0))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (copy(stage, bd, sectors[i], e) < 0)
            return NULL;
    return steal(stage);
}
