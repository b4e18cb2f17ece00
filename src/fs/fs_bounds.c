// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_bounds.c: how small and how large a filesystem can be made. */
#include "core/size.h"
#include "fs/fs.h"

uint64_t fs_bounds_floor(const struct fs_bounds *bounds)
{
    return bounds->floor != 0 && bounds->floor < bounds->least ? bounds->floor : bounds->least;
}

int fs_bounds_allow(const struct blockdev *bd, const struct fs_bounds *bounds, uint64_t bytes,
                    struct err *e)
{
    char wanted[SIZE_TEXT], limit[SIZE_TEXT];

    size_human(bytes, wanted, sizeof(wanted));
    if (bytes < fs_bounds_floor(bounds))
        return err_set(e, ERR_NO_SPACE, "%s: what it holds does not fit into %s, only into %s",
                       bd->name, wanted, size_exact(bounds->least, limit, sizeof(limit)));
    if (bytes > bounds->most)
        return err_set(e, ERR_NO_SPACE, "%s: it cannot be %s large, at most %s", bd->name, wanted,
                       size_exact(bounds->most, limit, sizeof(limit)));
    return 0;
}
