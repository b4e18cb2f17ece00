// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * change_end.c: the ends of filesystems whose partitions were cut shorter. Such an end is data, be
 * that zeros, and is called by the name of its partition, wherever it lies: in free space, or in a
 * partition that was made there since and has nothing of its own. Pure.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/change_parts.h"

#include <stdlib.h>

bool change_writes(const struct change_part *part)
{
    return part->wanted != NULL &&
           (part->format != NULL || change_moves(part) || change_grows_fs(part));
}

/* What a partition certainly has for itself: an end that came under that is gone already. */
static struct extent content_of(const struct survey_partition *p)
{
    struct extent range = p->range;
    bool known = p->fs != NULL || p->member != NULL || p->ambivalent || p->incomplete;

    if (!known)
        range.bytes = 0;
    else if (p->fs != NULL && p->fs_bytes > 0 && p->fs_bytes < range.bytes)
        range.bytes = p->fs_bytes;
    return range;
}

/* What is left of it. */
static int find_end(const struct change_facts *facts, const struct survey_partition *cut,
                    struct extents *end, struct err *e)
{
    const struct survey *survey = facts->survey;
    _cleanup_free_ struct extent *taken = calloc(survey->n_partitions + 1, sizeof(*taken));

    if (taken == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < survey->n_partitions; i++)
        taken[i] = content_of(&survey->partitions[i]);
    return extent_subtract(survey_overhang(cut), taken, survey->n_partitions, &end->list, &end->n,
                           e);
}

int change_takes_end(const struct change_facts *facts, const struct change_part *part,
                     const struct survey_partition *cut, struct err *e)
{
    struct extent over = survey_overhang(cut);
    bool own = part->there != NULL && part->there->number == cut->number;
    struct extents end = {0};
    int found;

    if (own || over.bytes == 0 || !change_writes(part) ||
        !extent_overlaps(&over, &part->wanted->range))
        return 0;
    found = find_end(facts, cut, &end, e) < 0 ? -1 : extents_overlap(&end, &part->wanted->range);
    free(end.list);
    return found;
}

int change_table_takes_end(const struct change_facts *facts, const struct survey_partition *cut,
                           struct err *e)
{
    struct extents end = {0};
    int found = 0;

    if (survey_overhang(cut).bytes == 0 || facts->sectors.n == 0)
        return 0;
    if (find_end(facts, cut, &end, e) < 0)
        return -1;
    for (size_t i = 0; i < facts->sectors.n; i++)
        found |= extents_overlap(&end, &facts->sectors.list[i]);
    free(end.list);
    return found;
}

char *change_describe_end(const struct survey_partition *cut, struct err *e)
{
    struct extent over = survey_overhang(cut);
    char end[SIZE_TEXT];

    return io_format(e, "the %s of partition %u, which was cut shorter than that, goes on to %s",
                     cut->fs, cut->number, size_exact(extent_end(&over), end, sizeof(end)));
}

int change_lose_end(struct step *step, const struct survey_partition *cut, struct err *e)
{
    _cleanup_free_ char *what = change_describe_end(cut, e);

    return what == NULL ? -1
                        : plan_lose(step, io_format(e, "the end of a filesystem: %s", what), e);
}
