// SPDX-License-Identifier: GPL-3.0-or-later
/* change_part.c: what a change does with one partition. Pure. */
#include "core/io.h"
#include "core/size.h"
#include "flow/change.h"

#include <string.h>

bool change_moves(const struct change_part *part)
{
    return part->there != NULL && part->wanted != NULL && part->format == NULL &&
           part->there->range.start != part->wanted->range.start;
}

static bool keeps_fs(const struct change_part *part)
{
    return part->there != NULL && part->wanted != NULL && part->format == NULL && part->fs != NULL;
}

bool change_is_mounted(const struct change_part *part)
{
    return part->found != NULL && part->found->mountpoint != NULL;
}

bool change_shrinks_mounted(const struct change_part *part)
{
    return keeps_fs(part) && !part->alone && change_is_mounted(part) &&
           part->fs->shrink_mounted != NULL && part->wanted->number == part->there->number &&
           part->wanted->range.start == part->there->range.start &&
           part->wanted->range.bytes < part->there->range.bytes;
}

bool change_shrinks_fs(const struct change_part *part)
{
    return change_shrinks_mounted(part) ||
           (keeps_fs(part) && !part->alone && part->wanted->range.bytes < part->bounds.now);
}

bool change_is_cut(const struct change_part *part)
{
    return part->there != NULL && part->wanted != NULL && part->format == NULL &&
           part->wanted->range.start == part->there->range.start &&
           part->wanted->range.bytes < part->there->range.bytes && !change_shrinks_fs(part);
}

bool change_may_not_fit(const struct change_part *part)
{
    return change_shrinks_fs(part) &&
           (part->fs->resize != NULL || part->fs->shrink_mounted != NULL) &&
           part->wanted->range.bytes < part->bounds.least &&
           part->wanted->range.bytes >= fs_bounds_floor(&part->bounds);
}

bool change_grows_fs(const struct change_part *part)
{
    if (!keeps_fs(part) || part->alone || part->wanted->range.bytes <= part->there->range.bytes)
        return false;
    return change_is_mounted(part) ? part->fs->grow_mounted != NULL
                                   : part->bounds.most > part->bounds.now;
}

bool change_needs_mount(const struct change_part *part)
{
    return (change_shrinks_fs(part) || change_grows_fs(part)) && !change_is_mounted(part) &&
           part->fs->resize == NULL && part->fs->locked == NULL;
}

bool change_is_wiped(const struct change_facts *facts, const struct change_part *part)
{
    struct err ignored;

    return facts->options->wipe != NULL && part->there != NULL &&
           table_find(facts->there, facts->options->wipe, &ignored) == part->there;
}

char *change_describe(const struct change_part *part, struct err *e)
{
    const struct table_entry *entry = part->there != NULL ? part->there : part->wanted;
    const char *fs = part->found != NULL ? part->found->fs : NULL;
    char size[SIZE_TEXT];

    if (fs == NULL && part->found != NULL)
        fs = part->found->member;
    size_human(entry->range.bytes, size, sizeof(size));
    return io_format(e, "partition %u (%s%s%s%s%s)", entry->number, entry->name,
                     *entry->name != '\0' ? ", " : "", size, fs != NULL ? ", " : "",
                     fs != NULL ? fs : "");
}
