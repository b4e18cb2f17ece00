// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * undo_sectors.c: behind a move or resize that was taken back, what the sectors of an MBR had that
 * its meaning does not say: the cylinders of another tool's geometry, and where boot records were.
 * A GPT has nothing of that kind that berth does not keep.
 *
 * Only where the table means what it meant then, and differs in its entries alone. The last record
 * of the chain comes first, sector 0 last; it is tried in memory that the table means the same
 * after each write, so that the power may fail between any two.
 */
#include "core/cleanup.h"
#include "log/undo_parts.h"
#include "partition/mbr.h"

#include <string.h>

#define ENTRIES_AT  446 /* in sector 0 and in a boot record */
#define ENTRIES_END 510

struct sectors {
    struct blockdev *bd, *was; /* the disk, and memory with what was there */
    struct table *now, *before;
    uint64_t *at; /* of those that the table had, in the order in which they are written */
    size_t n;
};

static void sectors_clear(struct sectors *s)
{
    blockdev_close(s->was);
    table_free(s->now);
    table_free(s->before);
    free(s->at);
}

#define _cleanup_sectors_ __attribute__((cleanup(sectors_clear)))

/* Logical partitions have their numbers in the order of the chain. */
static int list_sectors(struct sectors *s, struct err *e)
{
    const struct table *before = s->before;

    s->at = calloc(before->n + 2, sizeof(*s->at));
    if (s->at == NULL)
        return err_no_memory(e);
    for (size_t i = before->n; i-- > 0;)
        if (before->entries[i].number >= MBR_FIRST && before->entries[i].ebr != 0 &&
            before->entries[i].ebr != before->extended.range.start)
            s->at[s->n++] = before->entries[i].ebr;
    if (before->extended.range.bytes > 0)
        s->at[s->n++] = before->extended.range.start;
    s->at[s->n++] = 0;
    return 0;
}

/* 1: the table means what it meant before the change that is taken back. */
static int open_sectors(struct sectors *s, const struct history_undo *undo, struct err *e)
{
    s->now = table_read(s->bd, e);
    if (s->now == NULL)
        return -1;
    if (s->now->kind != TABLE_MBR || s->now->n_damage > 0)
        return 0;
    s->was = undo_stage(s->bd, undo->regions, undo->n_regions, e);
    s->before = s->was != NULL ? table_read(s->was, e) : NULL;
    if (s->before == NULL)
        return -1;
    if (!table_equal(s->before, s->now) || s->before->n_damage > 0)
        return 0;
    return list_sectors(s, e) < 0 ? -1 : 1;
}

static bool has_place(const struct extent *places, size_t n, uint64_t at)
{
    for (size_t i = 0; i < n; i++)
        if (places[i].start == at)
            return true;
    return false;
}

/* 1: what the table has now differs in entries alone from what it had there. */
static int differs_in_entries(const struct sectors *s, const struct extent *places, size_t n,
                              struct err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        struct extent place = {s->at[i], s->bd->sector};
        _cleanup_free_ uint8_t *now = undo_read(s->bd, place, e), *was = NULL;

        was = now != NULL ? undo_read(s->was, place, e) : NULL;
        if (was == NULL)
            return -1;
        if (has_place(places, n, s->at[i]) &&
            (memcmp(now, was, ENTRIES_AT) != 0 ||
             memcmp(now + ENTRIES_END, was + ENTRIES_END, s->bd->sector - ENTRIES_END) != 0))
            return 0;
    }
    return 1;
}

static int copy_sector(struct blockdev *from, struct blockdev *to, uint64_t at, struct err *e)
{
    _cleanup_free_ void *bytes = undo_read(from, (struct extent){at, to->sector}, e);

    return bytes == NULL ? -1 : blockdev_pwrite(to, bytes, to->sector, at, e);
}

/* 1: the table means the same after each write. */
static int rehearse(const struct sectors *s, const struct extent *places, size_t n, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = mem_open(s->bd->bytes, s->bd->sector, e);

    if (stage == NULL)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (copy_sector(s->bd, stage, places[i].start, e) < 0)
            return -1;
    for (size_t i = 0; i < s->n; i++) {
        _cleanup_table_ struct table *table = NULL;

        if (copy_sector(s->was, stage, s->at[i], e) < 0 || (table = table_read(stage, e)) == NULL)
            return -1;
        if (!table_equal(table, s->now) || table->n_damage > 0)
            return 0;
    }
    return 1;
}

static int put(const struct sectors *s, struct disk *disk, uint64_t at, struct err *e)
{
    struct extent place = {at, s->bd->sector};
    _cleanup_free_ void *now = undo_read(s->bd, place, e), *was = NULL;

    was = now != NULL ? undo_read(s->was, place, e) : NULL;
    if (was == NULL)
        return -1;
    if (memcmp(now, was, s->bd->sector) == 0)
        return 0;
    return disk_allow(disk, place, e) < 0 || blockdev_pwrite(s->bd, was, s->bd->sector, at, e) < 0
               ? -1
               : blockdev_flush(s->bd, e);
}

int undo_put_sectors_back(const struct disk_log *log, struct disk *disk, struct err *e)
{
    const struct history_undo *undo = undo_of(log);
    _cleanup_sectors_ struct sectors s = {.bd = disk_blockdev(disk)};
    _cleanup_free_ struct extent *places = NULL;
    size_t n;
    int same;

    if (undo == NULL || undo->op == HISTORY_WIPE)
        return 0;
    same = open_sectors(&s, undo, e);
    if (same > 0 && table_sectors(s.now, s.bd, &places, &n, e) < 0)
        return -1;
    if (same > 0)
        same = differs_in_entries(&s, places, n, e);
    if (same > 0)
        same = rehearse(&s, places, n, e);
    for (size_t i = 0; same > 0 && i < s.n; i++)
        if (put(&s, disk, s.at[i], e) < 0)
            return -1;
    return same < 0 ? -1 : 0;
}
