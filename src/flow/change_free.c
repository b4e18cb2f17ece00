// SPDX-License-Identifier: GPL-3.0-or-later
/* change_free.c: what is in the free space that a change would write into, and what in a partition
 * came from there. It is somebody's, whether or not berth knows it: of a deleted partition, or put
 * there by no partition at all. Berth's own are its log, the table's sectors, and what it left
 * itself (left.h). Reads only. */
#include "core/cleanup.h"
#include "core/size.h"
#include "flow/change_parts.h"
#include "flow/disk_log.h"
#include "flow/left.h"
#include "flow/orphan.h"
#include "partition/gpt.h"
#include "partition/probe.h"

#include <stdio.h>

struct owned {
    struct history *history, *in_file; /* of the disk's log, and of the journal file's */
    struct extent *list;
    size_t n;
};

static int add(struct owned *owned, const struct extent *more, size_t n, struct err *e)
{
    struct extent *grown = realloc(owned->list, (owned->n + n + 1) * sizeof(*grown));

    if (grown == NULL)
        return err_no_memory(e);
    owned->list = grown;
    for (size_t i = 0; i < n; i++)
        grown[owned->n++] = more[i];
    return 0;
}

/* A journal file that cannot be read has nothing to say. */
static void read_file(const struct change_facts *facts, struct blockdev *bd, struct owned *owned)
{
    struct err ignored;

    if (facts->journal != NULL && access(facts->journal, F_OK) == 0)
        (void)disk_log_read_file(facts->journal, bd, facts->there, &owned->in_file, &ignored);
}

/* What is in a partition is judged with that partition. */
static int list_owned(const struct change_facts *facts, struct blockdev *bd, struct owned *owned,
                      struct err *e)
{
    const struct table *there = facts->there;
    _cleanup_free_ struct extent *sectors = NULL;
    struct extent area;
    size_t n;

    for (size_t i = 0; i < there->n; i++)
        if (add(owned, &there->entries[i].range, 1, e) < 0)
            return -1;
    if (table_sectors(there, bd, &sectors, &n, e) < 0 || add(owned, sectors, n, e) < 0 ||
        disk_log_read_at(bd, there, &owned->history, &area, e) < 0)
        return -1;
    read_file(facts, bd, owned);
    return add(owned, &area, area.bytes > 0, e);
}

static int add_left(const struct history *history, struct blockdev *bd, struct extent range,
                    bool made, struct owned *owned, struct err *e)
{
    _cleanup_free_ struct extent *left = NULL;
    size_t n;

    if (history == NULL)
        return 0;
    return left_find(history, bd, range, made, &left, &n, e) < 0 ? -1 : add(owned, left, n, e);
}

/* 1: the range has something that nobody owns; *where is its first byte. */
static int find_unowned(struct blockdev *bd, struct extent range, struct owned *owned,
                        uint64_t *where, struct err *e)
{
    _cleanup_free_ struct extent *pieces = NULL;
    size_t n = 0;
    int found = 0;

    if (extent_subtract(range, owned->list, owned->n, &pieces, &n, e) < 0)
        return -1;
    for (size_t i = 0; found == 0 && i < n; i++)
        found = probe_find_data(bd, pieces[i], where, NULL, e);
    return found;
}

/* 1: the range has something that is not berth's; *where is its first byte. An old backup of this
 * very table is the table's, wherever the disk ended when it was written. */
static int find_data(struct blockdev *bd, const struct table *there, struct extent range,
                     struct owned *owned, uint64_t *where, struct err *e)
{
    struct extent copy;
    int found, old = 1;

    if (add_left(owned->history, bd, range, true, owned, e) < 0 ||
        add_left(owned->in_file, bd, range, true, owned, e) < 0)
        return -1;
    while ((found = find_unowned(bd, range, owned, where, e)) > 0 && old > 0) {
        old = there->kind == TABLE_GPT ? gpt_find_old_copy(bd, &there->uuid, *where, &copy, e) : 0;
        if (old < 0 || (old > 0 && add(owned, &copy, 1, e) < 0))
            return -1;
    }
    return found;
}

static bool is_written_into(const struct change_part *part)
{
    return part->wanted != NULL &&
           (part->format != NULL || change_moves(part) || change_grows_fs(part));
}

/* 1: free space that the part gets has the end of a filesystem whose partition was cut shorter, be
 * that zeros. */
static int has_end_of(const struct change_facts *facts, const struct change_part *part,
                      const struct survey_partition *cut, struct err *e)
{
    const struct table *there = facts->there;
    _cleanup_free_ struct extent *taken = calloc(there->n + 1, sizeof(*taken)), *pieces = NULL;
    size_t n = 0;
    int found = 0;

    if (taken == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < there->n; i++)
        taken[i] = there->entries[i].range;
    if (extent_subtract(survey_overhang(cut), taken, there->n, &pieces, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        found |= extent_overlaps(&pieces[i], &part->wanted->range);
    return found;
}

/* True for the part's own, and for one that goes or is made anew. */
static bool is_given_up(const struct change_facts *facts, const struct change_part *part,
                        const struct survey_partition *cut)
{
    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *other = &facts->parts[i];

        if (other->there != NULL && other->there->number == cut->number)
            return other == part || other->wanted == NULL || other->format != NULL;
    }
    return false;
}

static int look_for_ends(const struct change_facts *facts, struct change_part *part, struct err *e)
{
    char end[SIZE_TEXT];

    for (size_t i = 0; i < facts->survey->n_partitions; i++) {
        const struct survey_partition *cut = &facts->survey->partitions[i];
        struct extent over = survey_overhang(cut);
        int found;

        if (over.bytes == 0 || is_given_up(facts, part, cut))
            continue;
        found = has_end_of(facts, part, cut, e);
        if (found < 0)
            return -1;
        if (found > 0)
            snprintf(part->over_free, sizeof(part->over_free),
                     "the %s of partition %u, which was cut shorter than that, goes on to %s",
                     cut->fs, cut->number, size_exact(extent_end(&over), end, sizeof(end)));
    }
    return 0;
}

/* A partition was put over what berth had left, and nobody has written to it since. */
static int look_at_content(struct blockdev *bd, struct change_part *part, const struct owned *owned,
                           struct err *e)
{
    struct extent range = extent_on_disk(part->there->range, bd->bytes);
    struct owned left = {0};
    uint64_t where;
    int found = 1;

    if (add_left(owned->history, bd, range, false, &left, e) < 0 ||
        add_left(owned->in_file, bd, range, false, &left, e) < 0)
        found = -1;
    else if (left.n > 0)
        found = find_unowned(bd, range, &left, &where, e);
    free(left.list);
    part->has_content = found != 0;
    return found < 0 ? -1 : 0;
}

/* A filesystem that is smaller than its partition grows over what lies behind it there. */
static int look_behind_fs(struct blockdev *bd, struct change_part *part, const struct owned *owned,
                          struct err *e)
{
    struct extent rest = {0};
    struct owned left = {0};
    uint64_t where;
    int found = 0;

    if (part->there != NULL && change_grows_fs(part))
        rest = survey_rest(part->found);
    if (rest.bytes == 0)
        return 0;
    if (add_left(owned->history, bd, rest, true, &left, e) < 0 ||
        add_left(owned->in_file, bd, rest, true, &left, e) < 0)
        found = -1;
    else
        found = find_unowned(bd, rest, &left, &where, e);
    free(left.list);
    if (found > 0)
        snprintf(part->over_free, sizeof(part->over_free),
                 "it has data that berth does not know behind the end of its %s, at byte %llu",
                 part->found->fs, (unsigned long long)where);
    return found < 0 ? -1 : 0;
}

static int look_at_part(struct blockdev *bd, const struct change_facts *facts,
                        struct change_part *part, struct owned *owned, struct err *e)
{
    bool loses =
        part->there != NULL && part->has_content && (part->wanted == NULL || part->format != NULL);
    uint64_t where;
    int found;

    if (!loses && !is_written_into(part))
        return 0;
    if (owned->history == NULL && list_owned(facts, bd, owned, e) < 0)
        return -1;
    if (loses && look_at_content(bd, part, owned, e) < 0)
        return -1;
    if (!is_written_into(part))
        return 0;
    if (look_for_ends(facts, part, e) < 0 || look_behind_fs(bd, part, owned, e) < 0)
        return -1;
    if (*part->over_free != '\0')
        return 0;
    found = find_data(bd, facts->there, part->wanted->range, owned, &where, e);
    return found > 0 ? orphan_describe(bd, facts->there, where, part->over_free,
                                       sizeof(part->over_free), e)
                     : found;
}

int change_look_at_free(struct blockdev *bd, struct change_facts *facts, struct err *e)
{
    struct owned owned = {0};
    int result = 0;

    /* of a disk without a table, all is one thing to be named */
    if (facts->there->kind == TABLE_NONE)
        return 0;
    for (size_t i = 0; i < facts->n && result == 0; i++)
        result = look_at_part(bd, facts, &facts->parts[i], &owned, e);
    history_free(owned.history);
    history_free(owned.in_file);
    free(owned.list);
    return result;
}
