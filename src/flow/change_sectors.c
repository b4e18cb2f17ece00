// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * change_sectors.c: the sectors that the wanted table takes where the one there has none: boot
 * records of logical partitions, the backup of a GPT. What lies there is lost by the table alone,
 * whatever is written into its partitions. Where boot records go is found out by writing the table
 * to memory. Reads only.
 */
#include "core/cleanup.h"
#include "flow/change_parts.h"
#include "fs/probe.h"
#include "partition/gpt.h"
#include "partition/table_stage.h"

#include <string.h>

/* 1: writing the table there overwrites something. An MBR only takes away what a GPT had in its
 * header's place. */
static int is_something(struct blockdev *bd, const struct table *wanted,
                        const struct extent *sector, struct err *e)
{
    uint64_t last = round_down(bd->bytes, bd->sector) - bd->sector;
    char text[sizeof(GPT_SIGNATURE) - 1];

    if (wanted->kind != TABLE_MBR || (sector->start != bd->sector && sector->start != last))
        return probe_has_data(bd, *sector, NULL, e);
    if (blockdev_pread(bd, text, sizeof(text), sector->start, e) < 0)
        return -1;
    return memcmp(text, GPT_SIGNATURE, sizeof(text)) == 0;
}

/* Zeros are nothing to be lost, but in a filesystem that counts on them. */
static int look_for_zeros(struct blockdev *bd, const struct extent *sectors, size_t n,
                          struct change_facts *facts, struct err *e)
{
    for (size_t i = 0; i < facts->n; i++) {
        struct change_part *part = &facts->parts[i];
        int something = !part->under_table || part->found->fs != NULL;

        for (size_t k = 0; k < n && something == 0; k++)
            if (extent_overlaps(&part->there->range, &sectors[k]))
                something = is_something(bd, facts->wanted, &sectors[k], e);
        if (something < 0)
            return -1;
        part->under_table &= something > 0;
    }
    return 0;
}

static bool has_extent(const struct extent *list, size_t n, const struct extent *extent)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].start == extent->start && list[i].bytes == extent->bytes)
            return true;
    return false;
}

/* The wanted table, with the places that its boot records get. One that cannot be written is no
 * concern of this: the step says so. */
static struct table *written(struct blockdev *bd, const struct change_facts *facts, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = NULL;
    struct err ignored;

    if (facts->wanted->kind != TABLE_MBR || facts->wanted->extended.range.bytes == 0)
        return table_copy(facts->wanted, e);
    stage = table_stage_open(bd, facts->there, e);
    if (stage == NULL)
        return NULL;
    return table_write(stage, facts->wanted, &ignored) < 0 ? table_copy(facts->wanted, e)
                                                           : table_read(stage, e);
}

/* Beside a new MBR only the signatures of a GPT go. */
static bool is_erased(const struct blockdev *bd, const struct table *wanted,
                      const struct extent *sector)
{
    uint64_t last = round_down(bd->bytes, bd->sector) - bd->sector;

    return wanted->kind == TABLE_MBR && (sector->start == bd->sector || sector->start == last);
}

/* Which of the table's sectors are new; and whose boot records. */
static int keep_new(const struct blockdev *bd, const struct table *table,
                    const struct extent *sectors, size_t n, const struct extent *had, size_t n_had,
                    struct change_facts *facts, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!has_extent(had, n_had, &sectors[i]) && !is_erased(bd, table, &sectors[i]) &&
            extents_add(&facts->sectors, sectors[i], e) < 0)
            return -1;
    for (size_t i = 0; i < facts->n; i++) {
        struct change_part *part = &facts->parts[i];

        for (size_t k = 0; part->wanted != NULL && k < table->n; k++) {
            struct extent record = {table->entries[k].ebr, bd->sector};

            if (table->entries[k].range.start == part->wanted->range.start && record.start != 0 &&
                !has_extent(had, n_had, &record))
                part->record = record;
        }
    }
    return 0;
}

/* Where a damaged MBR has a record already nothing more of what goes is lost. */
static void mark_under_table(struct change_facts *facts, const struct extent *sectors, size_t n,
                             const struct extent *had, size_t n_had)
{
    for (size_t i = 0; i < facts->n; i++)
        for (size_t k = 0; k < n; k++)
            facts->parts[i].under_table |=
                facts->parts[i].wanted == NULL && !has_extent(had, n_had, &sectors[k]) &&
                extent_overlaps(&facts->parts[i].there->range, &sectors[k]);
}

int change_look_at_sectors(struct blockdev *bd, struct change_facts *facts, struct err *e)
{
    _cleanup_table_ struct table *table = NULL;
    _cleanup_free_ struct extent *sectors = NULL, *had = NULL;
    size_t n = 0, n_had = 0;

    if (facts->wanted->kind == TABLE_NONE)
        return 0;
    table = written(bd, facts, e);
    if (table == NULL || table_sectors(table, bd, &sectors, &n, e) < 0 ||
        (facts->there->kind != TABLE_NONE &&
         table_sectors(facts->there, bd, &had, &n_had, e) < 0) ||
        keep_new(bd, table, sectors, n, had, n_had, facts, e) < 0)
        return -1;
    mark_under_table(facts, sectors, n, had, facts->there->kind == TABLE_MBR ? n_had : 0);
    return look_for_zeros(bd, sectors, n, facts, e);
}
