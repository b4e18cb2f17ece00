// SPDX-License-Identifier: GPL-3.0-or-later
/* table_gaps.c: what of a disk is free for partitions, and every place the table itself is at.
 * Pure. */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"

/* What is taken outside the extended partition, or inside of it: partitions and, unless sector is
 * 0, boot records; *list is new. */
static int find_taken(const struct table *table, bool logical, unsigned sector,
                      struct extent **list, size_t *n, struct err *e)
{
    struct extent *taken = calloc(2 * table->n + 2, sizeof(*taken));

    *n = 0;
    *list = taken;
    if (taken == NULL)
        return err_no_memory(e);
    if (table->extended.range.bytes > 0)
        taken[(*n)++] =
            logical ? (struct extent){table->extended.range.start, sector} : table->extended.range;
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];

        if (table_is_logical(table, entry) != logical)
            continue;
        taken[(*n)++] = entry->range;
        if (entry->ebr != 0 && sector != 0)
            taken[(*n)++] = (struct extent){entry->ebr, sector};
    }
    return 0;
}

static int free_ranges(const struct table *table, bool logical, unsigned sector,
                       struct extent **gaps, size_t *n, struct err *e)
{
    _cleanup_free_ struct extent *taken = NULL;
    size_t n_taken;

    if (find_taken(table, logical, sector, &taken, &n_taken, e) < 0)
        return -1;
    return extent_subtract(logical ? table->extended.range : table->usable, taken, n_taken, gaps, n,
                           e);
}

int table_gaps(const struct table *table, bool logical, struct extent **gaps, size_t *n,
               struct err *e)
{
    unsigned sector = table->sector != 0 ? table->sector : GPT_SECTOR_MAX;
    size_t kept = 0;

    if (free_ranges(table, logical && table->kind == TABLE_MBR, sector, gaps, n, e) < 0)
        return -1;
    if (!logical || table->kind != TABLE_MBR)
        return 0;
    for (size_t i = 0; i < *n; i++) { /* the first sector is for the boot record */
        struct extent gap = (*gaps)[i];

        if (gap.bytes > sector)
            (*gaps)[kept++] = (struct extent){gap.start + sector, gap.bytes - sector};
    }
    *n = kept;
    return 0;
}

static int gpt_list(const struct table *table, const struct blockdev *bd, struct extent *list,
                    size_t *n, struct err *e)
{
    struct gpt_places places;

    if (gpt_places(table, bd, &places, e) < 0)
        return -1;
    list[(*n)++] = places.primary;
    list[(*n)++] = places.primary_entries;
    list[(*n)++] = places.backup_entries;
    list[(*n)++] = places.backup;
    return 0;
}

bool table_is_free(const struct table *table, struct extent range)
{
    for (size_t i = 0; i < table->n; i++)
        if (extent_overlaps(&table->entries[i].range, &range))
            return false;
    return true;
}

/* Where a GPT that was there before has its headers: their signatures go. */
static void mbr_list(const struct table *table, const struct blockdev *bd, struct extent *list,
                     size_t *n)
{
    uint64_t last = round_down(bd->bytes, bd->sector) - bd->sector;
    const struct extent headers[] = {{bd->sector, bd->sector}, {last, bd->sector}};

    for (size_t i = 0; i < 2; i++)
        if (table_is_free(table, headers[i]))
            list[(*n)++] = headers[i];
}

/* The boot records of the logical partitions that there are. */
static void record_list(const struct table *table, const struct blockdev *bd, struct extent *list,
                        size_t *n)
{
    if (table->extended.range.bytes != 0)
        list[(*n)++] = (struct extent){table->extended.range.start, bd->sector};
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].ebr != 0 && table->entries[i].ebr != table->extended.range.start)
            list[(*n)++] = (struct extent){table->entries[i].ebr, bd->sector};
}

int table_sectors(const struct table *table, const struct blockdev *bd, struct extent **list,
                  size_t *n, struct err *e)
{
    struct table full = *table;
    _cleanup_free_ struct extent *sectors = calloc(table->n + 8, sizeof(*sectors));

    *n = 0;
    if (sectors == NULL)
        return err_no_memory(e);
    table_set_defaults(&full, bd);
    sectors[(*n)++] = (struct extent){0, bd->sector};
    if (full.kind == TABLE_GPT && gpt_list(&full, bd, sectors, n, e) < 0)
        return -1;
    if (full.kind == TABLE_MBR) {
        mbr_list(&full, bd, sectors, n);
        record_list(&full, bd, sectors, n);
    }
    *list = steal(sectors);
    return 0;
}

int table_places(const struct table *table, const struct blockdev *bd, struct extent **list,
                 size_t *n, struct err *e)
{
    struct table full = *table;
    _cleanup_free_ struct extent *places = calloc(table->n + 8, sizeof(*places));
    struct extent *records = NULL;
    size_t n_records = 0;

    *n = 0;
    if (places == NULL)
        return err_no_memory(e);
    table_set_defaults(&full, bd);
    places[(*n)++] = (struct extent){0, bd->sector};
    if (full.kind == TABLE_GPT && gpt_list(&full, bd, places, n, e) < 0)
        return -1;
    if (full.kind == TABLE_MBR) {
        mbr_list(&full, bd, places, n);
        /* boot records go anywhere in the extended partition where there is no other partition */
        if (free_ranges(&full, true, 0, &records, &n_records, e) < 0)
            return -1;
        for (size_t i = 0; i < n_records; i++)
            places[(*n)++] = records[i];
        free(records);
    }
    *list = steal(places);
    return 0;
}
