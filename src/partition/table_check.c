// SPDX-License-Identifier: GPL-3.0-or-later
/* table_check.c: lists what is wrong with a table that was read. Pure. Pairs are found by sorting
 * and one pass, so that a hostile table of thousands of entries costs no more than an honest one.
 */
#include "core/cleanup.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"

#include <string.h>

int table_damage(struct table *table, enum damage_kind kind, unsigned number, struct err *e,
                 const char *fmt, ...)
{
    struct damage *grown = realloc(table->damage, (table->n_damage + 1) * sizeof(*table->damage));
    va_list args;
    char *text;
    int len;

    if (grown == NULL)
        return err_no_memory(e);
    table->damage = grown;
    va_start(args, fmt);
    len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0)
        return err_no_memory(e);
    grown[table->n_damage++] = (struct damage){kind, number, text};
    return 0;
}

bool table_has_damage(const struct table *table, enum damage_kind kind)
{
    for (size_t i = 0; i < table->n_damage; i++)
        if (table->damage[i].kind == kind)
            return true;
    return false;
}

/* ---- one entry by itself ---- */

static const char *place_problem(const struct table *table, const struct blockdev *bd,
                                 const struct table_entry *entry)
{
    struct extent disk = {0, bd->bytes};

    if (entry->range.bytes == 0)
        return "ends before it begins, or has no bytes";
    if (!extent_contains(&disk, &entry->range))
        return "lies past the end of the disk";
    if (table_is_logical(table, entry) && !extent_contains(&table->extended.range, &entry->range))
        return "lies outside the extended partition";
    if (!extent_contains(&table->usable, &entry->range))
        return "lies outside the range that the table has for partitions";
    return NULL;
}

static int check_places(struct table *table, const struct blockdev *bd, struct err *e)
{
    const struct table_extended *extended = &table->extended;
    struct extent disk = {0, bd->bytes};

    for (size_t i = 0; i < table->n; i++) {
        unsigned number = table->entries[i].number;
        const char *what = place_problem(table, bd, &table->entries[i]);

        if (what != NULL && table_damage(table, DAMAGE_OUT_OF_RANGE, number, e, "partition %u %s",
                                         number, what) < 0)
            return -1;
    }
    if (extended->range.bytes > 0 &&
        (!extent_contains(&disk, &extended->range) || extended->range.start < bd->sector))
        return table_damage(table, DAMAGE_EXTENDED_CUT, extended->number, e,
                            "partition %u, the extended one, lies past the end of the disk",
                            extended->number);
    return 0;
}

/* ---- what overlaps ---- */

/* A partition, or the boot record of one. */
struct piece {
    struct extent range;
    unsigned number;
    bool record;
};

static int by_start(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->range.start != y->range.start)
        return x->range.start < y->range.start ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int report_overlap(struct table *table, const struct piece *a, const struct piece *b,
                          struct err *e)
{
    const struct piece *record = a->record ? a : b, *other = a->record ? b : a;

    if (record->record)
        return table_damage(table, DAMAGE_EBR_INSIDE, record->number, e,
                            "the extended boot record of partition %u lies inside partition %u",
                            record->number, other->number);
    if (a->number < b->number) {
        const struct piece *swap = a;

        a = b;
        b = swap;
    }
    return table_damage(table, DAMAGE_OVERLAP, a->number, e, "partition %u overlaps partition %u",
                        a->number, b->number);
}

/* One pass over the sorted pieces: each is compared with the one so far that ends last. */
static int sweep(struct table *table, struct piece *pieces, size_t n, struct err *e)
{
    const struct piece *last = NULL;

    qsort(pieces, n, sizeof(*pieces), by_start);
    for (size_t i = 0; i < n; i++) {
        if (last != NULL && extent_overlaps(&last->range, &pieces[i].range) &&
            !(last->record && pieces[i].record) && report_overlap(table, last, &pieces[i], e) < 0)
            return -1;
        if (last == NULL || extent_end(&pieces[i].range) > extent_end(&last->range))
            last = &pieces[i];
    }
    return 0;
}

static int sweep_primaries(struct table *table, struct piece *pieces, struct err *e)
{
    const struct table_extended *extended = &table->extended;
    size_t n = 0;

    if (extended->range.bytes > 0)
        pieces[n++] = (struct piece){extended->range, extended->number, false};
    for (size_t i = 0; i < table->n; i++)
        if (!table_is_logical(table, &table->entries[i]) && table->entries[i].range.bytes > 0)
            pieces[n++] = (struct piece){table->entries[i].range, table->entries[i].number, false};
    return sweep(table, pieces, n, e);
}

static int sweep_logicals(struct table *table, const struct blockdev *bd, struct piece *pieces,
                          struct err *e)
{
    size_t n = 0;

    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];
        struct extent record = {entry->ebr, bd->sector};

        if (!table_is_logical(table, entry))
            continue;
        if (entry->ebr != 0)
            pieces[n++] = (struct piece){record, entry->number, true};
        if (entry->range.bytes > 0)
            pieces[n++] = (struct piece){entry->range, entry->number, false};
    }
    return sweep(table, pieces, n, e);
}

/* Logical partitions and their records lie in the extended one, so they are swept apart. */
static int check_overlaps(struct table *table, const struct blockdev *bd, struct err *e)
{
    _cleanup_free_ struct piece *pieces = calloc(2 * table->n + 1, sizeof(*pieces));

    if (pieces == NULL)
        return err_no_memory(e);
    if (sweep_primaries(table, pieces, e) < 0)
        return -1;
    return sweep_logicals(table, bd, pieces, e);
}

/* ---- GUIDs ---- */

static int by_uuid(const void *a, const void *b)
{
    const struct table_entry *const *x = a, *const *y = b;
    int order = memcmp(&(*x)->uuid, &(*y)->uuid, sizeof((*x)->uuid));

    if (order != 0)
        return order;
    return (*x)->number < (*y)->number ? -1 : (*x)->number > (*y)->number;
}

static int check_uuids(struct table *table, struct err *e)
{
    _cleanup_free_ const struct table_entry **sorted = calloc(table->n + 1, sizeof(*sorted));

    if (sorted == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < table->n; i++)
        sorted[i] = &table->entries[i];
    qsort(sorted, table->n, sizeof(*sorted), by_uuid);
    for (size_t i = 1; i < table->n; i++)
        if (guid_equal(&sorted[i]->uuid, &sorted[i - 1]->uuid) &&
            table_damage(table, DAMAGE_DUPLICATE_GUID, sorted[i]->number, e,
                         "partition %u has the same GUID as partition %u", sorted[i]->number,
                         sorted[i - 1]->number) < 0)
            return -1;
    return 0;
}

static int count_forbidding(const struct table *table)
{
    int n = 0;

    for (size_t i = 0; i < table->n_damage; i++)
        n += damage_forbids(table->damage[i].kind);
    return n;
}

int table_count_problems(const struct table *table, const struct blockdev *bd, struct err *e)
{
    _cleanup_table_ struct table *copy = table_copy(table, e);
    int n;

    if (copy == NULL)
        return -1;
    n = count_forbidding(copy); /* what only reading the disk can find */
    damage_free(copy->damage, copy->n_damage);
    copy->damage = NULL;
    copy->n_damage = 0;
    return table_check(copy, bd, e) < 0 ? -1 : n + count_forbidding(copy);
}

static int worst_first(const void *a, const void *b)
{
    const struct damage *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

int table_check(struct table *table, const struct blockdev *bd, struct err *e)
{
    if (check_places(table, bd, e) < 0 || check_overlaps(table, bd, e) < 0 ||
        (table->kind == TABLE_GPT && check_uuids(table, e) < 0))
        return -1;
    if (table->n_damage > 0)
        qsort(table->damage, table->n_damage, sizeof(*table->damage), worst_first);
    return 0;
}
