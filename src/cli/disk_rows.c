// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_rows.c: puts a survey's partitions and the gaps between them in order. Pure. */
#include "cli/disk_rows.h"
#include "core/cleanup.h"
#include "partition/layout.h"

static int by_place(const void *a, const void *b)
{
    const struct disk_row *x = a, *y = b;

    if (x->range.start != y->range.start)
        return x->range.start < y->range.start ? -1 : 1;
    return x->container ? -1 : y->container ? 1 : 0;
}

/* The codes of an extended partition: with and without LBA, and Linux's own. */
static bool is_extended(const struct survey_partition *p)
{
    return p->code == 0x05 || p->code == 0x0f || p->code == 0x85;
}

/* Fills rows with the partitions, and taken with the places of those that hold no other. */
static size_t add_partitions(const struct survey *survey, struct disk_row *rows,
                             struct extent *taken)
{
    size_t n = 0;

    for (size_t i = 0; i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];
        bool container = is_extended(p);

        rows[i] = (struct disk_row){.partition = p, .range = p->range, .container = container};
        if (!container)
            taken[n++] = p->range;
    }
    return n;
}

int disk_rows(const struct survey *survey, struct disk_row **rows, size_t *n, struct err *e)
{
    size_t most = 2 * survey->n_partitions + 1, n_taken, n_gaps = 0;
    struct disk_row *list = calloc(most, sizeof(*list));
    _cleanup_free_ struct extent *taken = calloc(most, sizeof(*taken));
    _cleanup_free_ struct extent *gaps = NULL;

    if (list == NULL || taken == NULL) {
        free(list);
        return err_no_memory(e);
    }
    n_taken = add_partitions(survey, list, taken);
    if ((survey->table != TABLE_NONE || !survey->unknown_data) &&
        layout_gaps(survey->usable, taken, n_taken, &gaps, &n_gaps, e) < 0) {
        free(list);
        return -1;
    }
    *n = survey->n_partitions;
    for (size_t i = 0; i < n_gaps; i++) {
        list[*n].gap = (unsigned)i + 1;
        list[(*n)++].range = gaps[i];
    }
    qsort(list, *n, sizeof(*list), by_place);
    *rows = list;
    return 0;
}
