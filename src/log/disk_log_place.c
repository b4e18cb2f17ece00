// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk_log_place.c: an area is known by where it ends: where a partition or the end of the usable
 * range stops the free range that it lies in, or at the end of the BIOS boot partition. So it is
 * found from the table alone; and it is put only where every table that the plan writes ends a free
 * range, too.
 */
#include "log/disk_log_place.h"
#include "block/area.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/type.h"

#include <string.h>

#define SECTOR_MOST 4096
#define GRUB_CORE_MOST                                                                             \
    (512 * KIB) /* what GRUB may take of a BIOS boot partition or an MBR's gap                     \
                 */

/* Where a free range that ends at `end` begins, for what one extent leaves of it; `end`: nowhere.
 */
static uint64_t cut(uint64_t start, uint64_t end, const struct extent *taken)
{
    if (taken->bytes == 0 || taken->start >= end)
        return start;
    if (extent_end(taken) >= end)
        return end;
    return extent_end(taken) > start ? extent_end(taken) : start;
}

/* The end of the table itself, at the front of the disk; on an MBR with the room in which GRUB, now
 * or later, puts its core. */
static uint64_t front_of(const struct table *table)
{
    uint64_t entries = (uint64_t)table->slots * table->entry_bytes;

    return table->kind == TABLE_GPT ? round_up(table->entries_at + entries, SECTOR_MOST)
                                    : GRUB_CORE_MOST;
}

static uint64_t free_before(const struct table *table, uint64_t end)
{
    uint64_t start = front_of(table);

    for (size_t i = 0; i < table->n; i++)
        start = cut(start, end, &table->entries[i].range);
    start = cut(start, end, &table->extended.range);
    return start < end ? start : end;
}

/* True when something ends a free range there: so the place is found again. */
static bool is_end(const struct table *table, uint64_t end)
{
    if (end == table->usable.start || end == extent_end(&table->usable) ||
        end == table->last_usable || end == table->extended.range.start)
        return true;
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start == end)
            return true;
    return false;
}

/* Adds what all the tables leave of the free range that ends there, when it is large enough. */
static int consider(const struct table *const *tables, size_t n, const struct extents *taken,
                    uint64_t end, struct extents *places, struct err *e)
{
    uint64_t start = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t from = is_end(tables[i], end) ? free_before(tables[i], end) : end;

        start = from > start ? from : start;
    }
    for (size_t i = 0; i < taken->n; i++)
        start = cut(start, end, &taken->list[i]);
    if (start >= end || end - start < AREA_LEAST)
        return 0;
    return extents_add(places, (struct extent){start, end - start}, e);
}

static int consider_bios(const struct table *table, const struct extents *taken,
                         struct extents *places, struct err *e)
{
    for (size_t i = 0; i < table->n; i++) {
        struct extent range = table->entries[i].range;

        if (!partition_type_is(&table->entries[i].type, "bios-boot") ||
            range.bytes < GRUB_CORE_MOST + AREA_LEAST || extents_overlap(taken, &range))
            continue;
        range.start += GRUB_CORE_MOST;
        range.bytes -= GRUB_CORE_MOST;
        if (extents_add(places, range, e) < 0)
            return -1;
    }
    return 0;
}

static int consider_ends(const struct table *const *tables, size_t n, const struct extents *taken,
                         struct extents *places, struct err *e)
{
    const struct table *first = tables[0];

    for (size_t i = 0; i < first->n; i++)
        if (consider(tables, n, taken, first->entries[i].range.start, places, e) < 0)
            return -1;
    if (first->extended.range.bytes > 0 &&
        consider(tables, n, taken, first->extended.range.start, places, e) < 0)
        return -1;
    if (first->last_usable != 0 && first->last_usable < extent_end(&first->usable) &&
        consider(tables, n, taken, first->last_usable, places, e) < 0)
        return -1;
    if (consider(tables, n, taken, first->usable.start, places, e) < 0)
        return -1;
    return consider(tables, n, taken, extent_end(&first->usable), places, e);
}

int log_places(const struct table *table, struct extent **places, size_t *n, struct err *e)
{
    struct extents list = {0}, none = {0};

    if (table->kind != TABLE_NONE && (consider_ends(&table, 1, &none, &list, e) < 0 ||
                                      consider_bios(table, &none, &list, e) < 0)) {
        free(list.list);
        return -1;
    }
    *places = list.list;
    *n = list.n;
    return 0;
}

/* The front of the disk first, then the largest. */
static int by_size(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;

    return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

static void sort(struct extents *places)
{
    size_t front = 0;

    for (size_t i = 1; i < places->n; i++)
        if (places->list[i].start < places->list[front].start)
            front = i;
    if (places->n > 1) {
        struct extent first = places->list[front];

        places->list[front] = places->list[0];
        places->list[0] = first;
        qsort(places->list + 1, places->n - 1, sizeof(*places->list), by_size);
    }
}

/* The tables of a plan: what is there, and each that it writes. */
static size_t tables_of(const struct plan *plan, const struct table *there,
                        const struct table **tables)
{
    size_t n = 0;

    if (there->kind != TABLE_NONE)
        tables[n++] = there;
    if (plan->table != NULL)
        tables[n++] = plan->table;
    for (size_t i = 0; i < plan->n_layouts; i++)
        tables[n++] = plan->layouts[i];
    return n;
}

/* What moves does not end the free range before it all the time: the byte before is taken, too. */
static struct extent taken_range(const struct step *step, struct extent range)
{
    if (step->kind == STEP_MOVE && range.start > 0) {
        range.start--;
        range.bytes++;
    }
    return range;
}

static int taken_by(const struct plan *plan, struct extents *taken, struct err *e)
{
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];

        if ((step->kind == STEP_RESIZE || step->kind == STEP_MOVE) &&
            (extents_add(taken, taken_range(step, step->from), e) < 0 ||
             extents_add(taken, taken_range(step, step->to), e) < 0))
            return -1;
    }
    /* and where a filesystem goes on behind the end of its partition */
    for (size_t i = 0; plan->survey != NULL && i < plan->survey->n_partitions; i++) {
        struct extent over = survey_overhang(&plan->survey->partitions[i]);

        if (over.bytes > 0 && extents_add(taken, over, e) < 0)
            return -1;
    }
    return 0;
}

int log_places_for(const struct plan *plan, const struct table *there, struct extent **places,
                   size_t *n, struct err *e)
{
    _cleanup_free_ const struct table **tables = calloc(plan->n_layouts + 2, sizeof(*tables));
    struct extents list = {0}, taken = {0};
    size_t n_tables;
    int result = 0;

    if (tables == NULL)
        return err_no_memory(e);
    n_tables = tables_of(plan, there, tables);
    result = taken_by(plan, &taken, e);
    if (result == 0 && n_tables > 0)
        result = consider_ends(tables, n_tables, &taken, &list, e);
    sort(&list);
    if (result == 0 && n_tables > 0)
        result = consider_bios(tables[n_tables - 1], &taken, &list, e);
    free(taken.list);
    if (result < 0) {
        free(list.list);
        return -1;
    }
    *places = list.list;
    *n = list.n;
    return 0;
}
