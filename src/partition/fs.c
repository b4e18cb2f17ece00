// SPDX-License-Identifier: GPL-3.0-or-later
/* fs.c: the table of filesystems. */
#include "partition/fs.h"
#include "core/size.h"

#include <string.h>

#define FS(kind) extern const struct fs_ops fs_##kind##_ops;
#include "partition/fs.def"
#undef FS

static const struct fs_ops *const kinds[] = {
#define FS(kind) &fs_##kind##_ops,
#include "partition/fs.def"
#undef FS
};

const struct fs_ops *fs_at(size_t i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i] : NULL;
}

const struct fs_ops *fs_by_name(const char *name)
{
    const struct fs_ops *ops;

    for (size_t i = 0; (ops = fs_at(i)) != NULL; i++)
        if (strcmp(ops->name, name) == 0)
            return ops;
    return NULL;
}

const struct fs_ops *fs_by_blkid(const char *type)
{
    const struct fs_ops *ops;

    for (size_t i = 0; (ops = fs_at(i)) != NULL; i++)
        for (const char *const *name = ops->blkid; *name != NULL; name++)
            if (strcmp(*name, type) == 0)
                return ops;
    return NULL;
}

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
