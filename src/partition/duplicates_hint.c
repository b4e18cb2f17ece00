// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * duplicates_hint.c: how what must be unique becomes so again. Nothing here does it: which of two
 * is the copy only a person knows.
 */
#include "block/disk.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "fs/fs.h"
#include "partition/duplicates.h"

#include <stdio.h>
#include <string.h>

#define COMMANDS 640 /* bytes of a command line */

/* The filesystem's commands, each with the device behind it. */
static const char *commands(const struct fs_ops *fs, const char *device, char text[COMMANDS])
{
    size_t fill = 0;

    text[0] = '\0';
    for (size_t i = 0; fs->new_uuid[i] != NULL && fill < COMMANDS; i++)
        fill += (size_t)snprintf(text + fill, COMMANDS - fill, "%s%s %s", i > 0 ? "; " : "",
                                 fs->new_uuid[i], device);
    return text;
}

/* The node that the kernel has for it; NULL: none. */
static char *node_of(const struct survey *survey, const struct extent *range)
{
    _cleanup_disk_ struct disk *disk = NULL;
    const char *node = NULL;
    struct err ignored;

    if (range->start == 0)
        return strdup(survey->path);
    if (!survey->is_file)
        disk = disk_open(survey->path, false, 0, &ignored);
    if (disk != NULL)
        node = disk_node(disk, *range, &ignored);
    return node != NULL ? strdup(node) : NULL;
}

/* Without a node: by a part of the file, else a loop device over it. */
static int hint_part(const struct survey *survey, const struct survey_partition *p,
                     const struct fs_ops *fs, struct err *e)
{
    const struct shell_word path = shell_quote(survey->path);
    char text[COMMANDS];
    _cleanup_free_ char *part = NULL;

    if (fs->at_offset == NULL)
        return err_hint(e,
                        "where partition %u is the copy: `D=$(losetup --find --show --offset %llu "
                        "--sizelimit %llu %s) && { %s; losetup --detach $D; }`",
                        p->number, (unsigned long long)p->range.start,
                        (unsigned long long)p->range.bytes, path.text, commands(fs, "$D", text));
    part =
        io_format(e, "%s%s%llu", survey->path, fs->at_offset, (unsigned long long)p->range.start);
    return part == NULL ? -1
                        : err_hint(e, "where partition %u is the copy: `%s`", p->number,
                                   commands(fs, shell_quote(part).text, text));
}

static int hint_fs(const struct survey *survey, const struct survey_partition *p, struct err *e)
{
    const struct fs_ops *fs = fs_by_blkid(p->fs);
    _cleanup_free_ char *node = node_of(survey, &p->range);
    char text[COMMANDS];

    if (p->holder != NULL)
        return err_hint(e,
                        "partition %u is %s: give the other one a new UUID, or end that first%s%s",
                        p->number, p->holder, p->release != NULL ? ": " : "",
                        p->release != NULL ? p->release : "");
    if (fs == NULL || fs->new_uuid == NULL)
        return err_hint(e, "berth knows no tool that gives a %s a new UUID: delete the copy",
                        p->fs);
    if (node == NULL)
        return hint_part(survey, p, fs, e);
    return err_hint(e, "where %s is the copy: `%s`", node,
                    commands(fs, shell_quote(node).text, text));
}

/* The id of an MBR stands for its partitions', too. */
static int hint_table(const struct survey *survey, struct err *e)
{
    char text[GUID_TEXT];
    struct guid id;

    if (guid_new(&id, e) < 0)
        return -1;
    guid_print(&id, text);
    return err_hint(e, "where %s is the copy: `sfdisk --disk-id %s %s%.*s`", survey->path,
                    shell_quote(survey->path).text, survey->table == TABLE_MBR ? "0x" : "",
                    survey->table == TABLE_MBR ? 8 : GUID_TEXT, text);
}

int duplicates_hint(const struct survey *survey, const struct damage *damage, struct err *e)
{
    const struct survey_partition whole = {
        .range = {0, survey->bytes}, .fs = survey->fs, .fs_uuid = survey->fs_uuid};
    const struct survey_partition *p = damage->number == 0 ? &whole : NULL;

    for (size_t i = 0; p == NULL && i < survey->n_partitions; i++)
        if (survey->partitions[i].number == damage->number)
            p = &survey->partitions[i];
    if (damage->kind == DAMAGE_DUPLICATE_FS)
        return hint_fs(survey, p, e);
    if (survey->table == TABLE_MBR || damage->number == 0)
        return hint_table(survey, e);
    return err_hint(e, "where partition %u is the copy: `berth part set %s %u --uuid new`",
                    damage->number, shell_quote(survey->path).text, damage->number);
}
