// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * mbr_lost.c: the logical partitions behind a first boot record that is none any more. Reads only,
 * and a few MiB at most.
 *
 * That record said where the first partition is and where the second record. The first one is found
 * by the filesystem that begins in one of the places where every tool puts it; how large that is
 * says where the next record has to be looked for. Found is found only when there is one such
 * filesystem, one chain of whole records behind it, and a known content where that one's first
 * partition begins: nothing is guessed. The end of the first partition is that of its filesystem
 * or, since that may be smaller, of the free mebibytes behind it: no byte of another one.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/fs.h"
#include "partition/fs_size.h"
#include "partition/gpt.h"
#include "partition/mbr.h"
#include "partition/probe.h"
#include "partition/table_parts.h"
#include "partition/type.h"

#include <string.h>

#define LOOKED_THROUGH (4 * MIB) /* behind the first filesystem, for the next record */
#define OLD_TRACK      63        /* sectors between a record and its partition, as DOS had it */

struct search {
    struct table_window *window;
    struct mbr_lost *lost;
    struct extent extended;
};

/* What begins there; *fs NULL: nothing that is known. */
static int name_at(struct search *s, uint64_t at, char **fs, struct err *e)
{
    struct extent range = {at, extent_end(&s->extended) - at};
    struct probe probe;

    if (probe_range(s->window->bd, range, &probe, e) < 0)
        return -1;
    *fs = steal(probe.fs);
    probe_clear(&probe);
    return 0;
}

/* ---- the first partition ---- */

static uint8_t code_for(const char *fs)
{
    const struct fs_ops *ops = fs_by_blkid(fs);

    if (strcmp(fs, "vfat") == 0)
        return partition_type("fat32")->code;
    return partition_type(ops != NULL && ops->type != NULL ? ops->type : "linux")->code;
}

/* Adds one to *n where a filesystem with a size begins, which is the one that was found then. */
static int try_first(struct search *s, uint64_t at, size_t *n, struct err *e)
{
    _cleanup_free_ char *fs = NULL;
    uint64_t bytes = 0;
    int sized;

    if (at >= extent_end(&s->extended))
        return 0;
    if (name_at(s, at, &fs, e) < 0)
        return -1;
    sized = fs != NULL ? fs_size_at(s->window->bd, at, fs, &bytes, e) : 0;
    if (sized <= 0 || bytes > extent_end(&s->extended) - at)
        return sized < 0 ? -1 : 0;
    ++*n;
    s->lost->first = (struct extent){at, bytes};
    s->lost->code = code_for(fs);
    snprintf(s->lost->fs, sizeof(s->lost->fs), "%s", fs);
    return 0;
}

/* 1: one filesystem begins where the first partition may: a sector, a track or a mebibyte behind
 * its record. */
static int find_first(struct search *s, struct err *e)
{
    uint64_t sector = s->window->bd->sector, start = s->extended.start;
    const uint64_t places[] = {sector, OLD_TRACK * sector, MIB, 2048 * sector};
    size_t n = 0, different = sector == 512 ? 3 : 4;

    for (size_t i = 0; i < different; i++)
        if (try_first(s, start + places[i], &n, e) < 0)
            return -1;
    if (n > 1)
        s->lost->first.bytes = 0;
    return n == 1;
}

/* ---- the chain behind it ---- */

/* The records in the range, which ends at the end of a sector: where the first one is, and how
 * many. */
static int find_records(struct blockdev *bd, struct extent range, uint64_t *first, size_t *n,
                        struct err *e)
{
    _cleanup_free_ uint8_t *bytes = malloc((size_t)range.bytes + 1);

    *n = 0;
    if (bytes == NULL)
        return err_no_memory(e);
    if (blockdev_pread(bd, bytes, (size_t)range.bytes, range.start, e) < 0)
        return -1;
    for (uint64_t at = 0; at < range.bytes; at += bd->sector)
        if (mbr_is_bare_record(bytes + at, bd->sector) && (*n)++ == 0)
            *first = range.start + at;
    return 0;
}

/* 1: from the record on there is a whole chain, in order; *within is how many of its records lie
 * in the range. */
static int read_behind(struct search *s, uint64_t at, struct extent range, struct table *table,
                       size_t *within, struct err *e)
{
    _cleanup_mbr_chain_ struct mbr_chain chain = {.extended = s->extended};
    uint64_t end = extent_end(&s->lost->first);

    table->kind = TABLE_MBR;
    table->extended = (struct table_extended){.number = 1, .code = 0x05, .range = s->extended};
    table_set_defaults(table, s->window->bd);
    if (mbr_walk(s->window, table, &chain, at, e) < 0)
        return -1;
    *within = 0;
    for (size_t i = 0; i < chain.n; i++) {
        struct mbr_node *node = &chain.nodes[i];
        struct extent record = {node->at, s->window->bd->sector};

        if (node->at < end || node->data.start <= node->at || node->data.bytes == 0 ||
            !extent_contains(&s->extended, &node->data))
            return 0;
        end = extent_end(&node->data);
        *within += extent_contains(&range, &record);
    }
    return table->n_damage == 0;
}

/* 1: the first partition of the chain has something that is known. */
static int begins_known(struct search *s, const struct table *behind, struct err *e)
{
    _cleanup_free_ char *fs = NULL;

    if (behind->n == 0)
        return 1;
    return name_at(s, behind->entries[0].range.start, &fs, e) < 0 ? -1 : fs != NULL;
}

/* 1: what is behind the first partition is certain, and in the table, which may stay empty. */
static int find_behind(struct search *s, struct table *behind, uint64_t *next, struct err *e)
{
    uint64_t end = extent_end(&s->extended), sector = s->window->bd->sector;
    struct extent range = {round_up(extent_end(&s->lost->first), sector), 0};
    size_t n, within;
    int whole;

    range.bytes = range.start < end ? end - range.start : 0;
    range.bytes = range.bytes > LOOKED_THROUGH ? LOOKED_THROUGH : range.bytes;
    *next = end;
    if (find_records(s->window->bd, range, next, &n, e) < 0)
        return -1;
    if (n == 0)
        return extent_end(&range) >= end;
    whole = read_behind(s, *next, range, behind, &within, e);
    return whole > 0 && within == n ? begins_known(s, behind, e) : whole < 0 ? -1 : 0;
}

/* ---- both ---- */

/* Partitions end at whole mebibytes; a filesystem may leave less than one unused. */
static struct extent first_range(const struct search *s, uint64_t next)
{
    uint64_t end = round_up(extent_end(&s->lost->first), MIB);

    return (struct extent){s->lost->first.start, (end < next ? end : next) - s->lost->first.start};
}

static int add_all(struct search *s, const struct table *there, const struct table *behind,
                   uint64_t next, struct err *e)
{
    _cleanup_table_ struct table *table = table_copy(there, e);
    struct table_entry first = {.number = MBR_FIRST,
                                .range = first_range(s, next),
                                .code = s->lost->code,
                                .ebr = s->extended.start};

    if (table == NULL)
        return -1;
    table_remove(table, MBR_FIRST); /* and with it the damage */
    if (table_insert(table, &first, e) < 0)
        return -1;
    for (size_t i = 0; i < behind->n; i++) {
        struct table_entry entry = behind->entries[i];

        entry.number = MBR_FIRST + 1 + (unsigned)i;
        if (table_insert(table, &entry, e) < 0)
            return -1;
    }
    s->lost->table = steal(table);
    return 0;
}

int mbr_find_lost(struct table_window *window, const struct table *there, struct mbr_lost *lost,
                  struct err *e)
{
    struct search s = {window, lost, there->extended.range};
    _cleanup_table_ struct table *behind = table_alloc(e);
    struct extent disk = {0, window->lbas * window->bd->sector};
    uint64_t next;
    int found;

    *lost = (struct mbr_lost){0};
    if (behind == NULL)
        return -1;
    if (!extent_contains(&disk, &s.extended))
        return 0;
    found = find_first(&s, e);
    if (found > 0)
        found = find_behind(&s, behind, &next, e);
    return found > 0 ? add_all(&s, there, behind, next, e) : found;
}

int table_find_lost(struct blockdev *bd, const struct table *there, struct table **found,
                    struct err *e)
{
    _cleanup_free_ struct table_window *window = calloc(1, sizeof(*window));
    struct mbr_lost lost;

    *found = NULL;
    if (window == NULL)
        return err_no_memory(e);
    if (table_window_open(window, bd, e) < 0 || mbr_find_lost(window, there, &lost, e) < 0)
        return -1;
    *found = lost.table;
    return 0;
}
