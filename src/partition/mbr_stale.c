// SPDX-License-Identifier: GPL-3.0-or-later
/* mbr_stale.c: boot records that a change of the table has left behind. Reads only. */
#include "core/cleanup.h"
#include "partition/gpt.h"
#include "partition/mbr.h"

#include <string.h>

/* 1: the sector has nothing of anybody else. */
static int is_bare_record(struct blockdev *bd, uint64_t at, struct err *e)
{
    uint8_t bytes[GPT_SECTOR_MAX];

    return blockdev_pread(bd, bytes, bd->sector, at, e) < 0 ? -1
                                                            : mbr_is_bare_record(bytes, bd->sector);
}

static bool has(const struct extent *list, size_t n, const struct extent *range)
{
    for (size_t i = 0; i < n; i++)
        if (extent_overlaps(&list[i], range))
            return true;
    return false;
}

int table_stale_records(const struct table *before, const struct table *now, struct blockdev *bd,
                        struct extent **list, size_t *n, struct err *e)
{
    _cleanup_free_ struct extent *old = NULL, *current = NULL;
    size_t n_old = 0, n_current = 0;

    *list = NULL;
    *n = 0;
    if (before->kind != TABLE_MBR)
        return 0;
    if (table_sectors(before, bd, &old, &n_old, e) < 0 ||
        table_sectors(now, bd, &current, &n_current, e) < 0)
        return -1;
    for (size_t i = 0; i < n_old; i++) {
        int stale =
            has(current, n_current, &old[i]) || !extent_contains(&before->extended.range, &old[i])
                ? 0
                : is_bare_record(bd, old[i].start, e);

        if (stale < 0)
            return -1;
        if (stale > 0)
            old[(*n)++] = old[i];
    }
    *list = steal(old);
    return 0;
}
