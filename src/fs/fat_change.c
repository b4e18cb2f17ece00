// SPDX-License-Identifier: GPL-3.0-or-later
/* fat_change.c: where a cluster goes when its FAT changes its size. */
#include "fs/fat_change.h"

/* Those without a place lie in front of those that have one, or behind. */
static uint32_t moved_index(const struct fat_change *c, uint32_t cluster)
{
    if (cluster - 2 < c->n_front)
        return cluster - 2;
    return c->n_front + cluster - c->behind;
}

uint32_t fat_change_moved(const struct fat_change *c, uint32_t index)
{
    if (index < c->n_front)
        return index + 2;
    return index - c->n_front + c->behind;
}

uint32_t fat_change_place(const struct fat_change *c, uint32_t cluster)
{
    int64_t there = (int64_t)cluster - c->to.shift;

    return fat_layout_has(&c->to, there) ? (uint32_t)there : c->moved[moved_index(c, cluster)];
}
