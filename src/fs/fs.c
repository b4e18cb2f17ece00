// SPDX-License-Identifier: GPL-3.0-or-later
/* fs.c: the table of filesystems. */
#include "fs/fs.h"

#include <string.h>

#define FS(kind) extern const struct fs_ops fs_##kind##_ops;
#include "fs/fs.def"
#undef FS

static const struct fs_ops *const kinds[] = {
#define FS(kind) &fs_##kind##_ops,
#include "fs/fs.def"
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
