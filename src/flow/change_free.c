// SPDX-License-Identifier: GPL-3.0-or-later
/* change_free.c: what is in the free space that a change would write into, and what in a partition
 * came from there. It is somebody's, whether or not berth knows it: of a deleted partition, or put
 * there by no partition at all. Berth's own are its log, the table's sectors, and what it left
 * itself (left.h). Reads only. */
#include "core/cleanup.h"
#include "core/size.h"
#include "flow/change_parts.h"
#include "flow/orphan.h"
#include "fs/probe.h"
#include "log/disk_log.h"
#include "log/left.h"
#include "partition/gpt.h"
#include "partition/mbr.h"

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

/* What is in a partition is judged with that partition, and so is the end of what was cut. */
static int add_parts(const struct change_facts *facts, struct owned *owned, struct err *e)
{
    for (size_t i = 0; i < facts->there->n; i++)
        if (add(owned, &facts->there->entries[i].range, 1, e) < 0)
            return -1;
    for (size_t i = 0; i < facts->survey->n_partitions; i++) {
        struct extent over = survey_overhang(&facts->survey->partitions[i]);

        if (add(owned, &over, over.bytes > 0, e) < 0)
            return -1;
    }
    return 0;
}

static int list_owned(const struct change_facts *facts, struct blockdev *bd, struct owned *owned,
                      struct err *e)
{
    const struct table *there = facts->there;
    _cleanup_free_ struct extent *sectors = NULL;
    struct extent area;
    size_t n;

    if (add_parts(facts, owned, e) < 0 || table_sectors(there, bd, &sectors, &n, e) < 0 ||
        add(owned, sectors, n, e) < 0 || disk_log_read_at(bd, there, &owned->history, &area, e) < 0)
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

/* A boot record comes over what is not one itself: other tools leave theirs. A table that was comes
 * back over what has become of its own. bytes 0: there is none that is new. */
static int look_under_record(struct blockdev *bd, const struct change_facts *facts,
                             struct extent record, struct owned *owned, char text[OVER_FREE],
                             struct err *e)
{
    uint8_t bytes[GPT_SECTOR_MAX];
    uint64_t where;
    int found;

    if (record.bytes == 0 || facts->options->restores || facts->options->takes_back)
        return 0;
    if (blockdev_pread(bd, bytes, (size_t)record.bytes, record.start, e) < 0)
        return -1;
    if (mbr_is_bare_record(bytes, bd->sector))
        return 0;
    found = find_data(bd, facts->there, record, owned, &where, e);
    return found > 0 ? orphan_describe(bd, facts->there, where, text, OVER_FREE, e) : found;
}

static int look_under_frame(struct blockdev *bd, struct change_facts *facts, struct owned *owned,
                            struct err *e)
{
    struct extent first = {facts->wanted->extended.range.start, bd->sector};
    bool is_new = false;

    for (size_t i = 0; i < facts->sectors.n; i++)
        is_new |= facts->sectors.list[i].start == first.start;
    if (facts->wanted->kind != TABLE_MBR || facts->wanted->extended.range.bytes == 0 || !is_new)
        return 0;
    for (size_t i = 0; i < facts->n; i++)
        if (facts->parts[i].record.start == first.start)
            return 0; /* it has the name of the first logical one */
    if (owned->history == NULL && list_owned(facts, bd, owned, e) < 0)
        return -1;
    return look_under_record(bd, facts, first, owned, facts->under_frame, e);
}

static int look_at_part(struct blockdev *bd, const struct change_facts *facts,
                        struct change_part *part, struct owned *owned, struct err *e)
{
    bool loses =
        part->there != NULL && part->has_content && (part->wanted == NULL || part->format != NULL);
    uint64_t where;
    int found;

    if (!loses && !change_writes(part) && part->record.bytes == 0)
        return 0;
    if (owned->history == NULL && list_owned(facts, bd, owned, e) < 0)
        return -1;
    if (loses && look_at_content(bd, part, owned, e) < 0)
        return -1;
    if (look_under_record(bd, facts, part->record, owned, part->over_free, e) < 0)
        return -1;
    if (!change_writes(part))
        return 0;
    if (look_behind_fs(bd, part, owned, e) < 0)
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
    if (result == 0)
        result = look_under_frame(bd, facts, &owned, e);
    history_free(owned.history);
    history_free(owned.in_file);
    free(owned.list);
    return result;
}
