// SPDX-License-Identifier: GPL-3.0-or-later
/* table_problem.c: tells a table that can be changed from one that has to be repaired first. Pure.
 */
#include "core/io.h"
#include "partition/table.h"

/* What is wrong with one entry by itself. */
static const char *entry_problem(const struct table *table, const struct blockdev *bd,
                                 const struct table_entry *entry)
{
    struct extent disk = {0, bd->bytes};

    if (entry->range.bytes == 0)
        return "ends before it begins, or has no bytes";
    if (!extent_contains(&disk, &entry->range))
        return "lies past the end of the disk";
    if (!extent_contains(&table->usable, &entry->range))
        return "lies outside the range that the table has for partitions";
    return NULL;
}

static const char *pair_problem(const struct table_entry *a, const struct table_entry *b)
{
    if (extent_overlaps(&a->range, &b->range))
        return "overlaps";
    return guid_equal(&a->uuid, &b->uuid) ? "has the same GUID as" : NULL;
}

static char *pairs_problem(const struct table *table, size_t i)
{
    struct err ignored;

    for (size_t k = 0; k < i; k++) {
        const char *what = pair_problem(&table->entries[i], &table->entries[k]);

        if (what != NULL)
            return io_format(&ignored, "partition %u %s partition %u", table->entries[i].number,
                             what, table->entries[k].number);
    }
    return NULL;
}

char *table_problem(const struct table *table, const struct blockdev *bd)
{
    struct err ignored;

    if (table->kind != TABLE_GPT)
        return NULL;
    if (table->last_usable > extent_end(&table->usable))
        return io_format(&ignored, "the disk is smaller than its partition table says");
    for (size_t i = 0; i < table->n; i++) {
        const char *what = entry_problem(table, bd, &table->entries[i]);
        char *pair;

        if (what != NULL)
            return io_format(&ignored, "partition %u %s", table->entries[i].number, what);
        pair = pairs_problem(table, i);
        if (pair != NULL)
            return pair;
    }
    return NULL;
}
