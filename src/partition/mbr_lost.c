// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * mbr_lost.c: what there may have been behind a first boot record that is none any more, or one
 * that leads back to the chain, for a person to judge. Reads only, and little.
 *
 * Nothing of it is certain. Where the first partition ended, and which record was the next one,
 * stood in the record that has gone. Tools that delete a partition, or move the first one's entry,
 * leave the old record with its link where it was, and the filesystem: the chain behind looks the
 * same whether a partition counted to the last or was deleted years ago. So all is listed, and none
 * of it becomes a table.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fs.h"
#include "fs/fs_size.h"
#include "fs/probe.h"
#include "partition/gpt.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"
#include "partition/type.h"

#include <stdlib.h>
#include <string.h>

#define OLD_TRACK     63           /* sectors between a record and its partition, as DOS had it */
#define PARTED_BEFORE 128          /* sectors from a record to its partition, as parted has it */
#define LOOKED_CLOSER (4 * MIB)    /* behind the first filesystems: every sector */
#define LOOKED_WIDER  (1024 * MIB) /* each mebibyte's start */
#define FOUND_MAX     8            /* a message holds no more */

struct candidate {
    struct extent range;
    uint64_t record; /* 0: the range is a filesystem's, which no record was found for */
    uint8_t code;
    char fs[16];
};

struct search {
    struct blockdev *bd;
    struct extent extended;
    const struct table *there; /* what the chain does lead to */
    struct candidate found[FOUND_MAX];
    size_t n;
    bool more;
};

static bool is_known(const struct table *there, const struct candidate *one)
{
    for (size_t i = 0; i < there->n; i++)
        if (table_is_logical(there, &there->entries[i]) &&
            extent_overlaps(&there->entries[i].range, &one->range))
            return true;
    return false;
}

/* A record replaces the filesystem that begins where its partition does. */
static void add(struct search *s, const struct candidate *one)
{
    if (is_known(s->there, one))
        return;
    for (size_t i = 0; i < s->n; i++) {
        struct candidate *other = &s->found[i];

        if (other->range.start != one->range.start ||
            (other->record != 0 && other->range.bytes != one->range.bytes))
            continue;
        if (other->record == 0)
            *other = *one;
        return;
    }
    if (s->n < FOUND_MAX)
        s->found[s->n++] = *one;
    else
        s->more = true;
}

/* ---- filesystems where the first partition may begin ---- */

static uint8_t code_for(const char *fs)
{
    const struct fs_ops *ops = fs_by_blkid(fs);

    if (strcmp(fs, "vfat") == 0)
        return partition_type("fat32")->code;
    return partition_type(ops != NULL && ops->type != NULL ? ops->type : "linux")->code;
}

static int try_first(struct search *s, uint64_t at, struct err *e)
{
    struct candidate one = {.range.start = at};
    struct probe probe;
    int sized = 0;

    if (at >= extent_end(&s->extended))
        return 0;
    if (probe_range(s->bd, (struct extent){at, extent_end(&s->extended) - at}, &probe, e) < 0)
        return -1;
    if (probe.fs != NULL) {
        snprintf(one.fs, sizeof(one.fs), "%s", probe.fs);
        one.code = code_for(probe.fs);
        sized = fs_size_at(s->bd, at, probe.fs, &one.range.bytes, e);
    }
    probe_clear(&probe);
    one.range.bytes = round_up(one.range.bytes, s->bd->sector);
    if (sized > 0 && extent_contains(&s->extended, &one.range))
        add(s, &one);
    return sized < 0 ? -1 : 0;
}

/* A sector, a track or a mebibyte behind its record, or as parted has it. */
static int find_first(struct search *s, struct err *e)
{
    uint64_t sector = s->bd->sector, start = s->extended.start;
    const uint64_t places[] = {sector, OLD_TRACK * sector, PARTED_BEFORE * sector, MIB,
                               2048 * sector};
    size_t different = sector == 512 ? 4 : 5;

    for (size_t i = 0; i < different; i++)
        if (try_first(s, start + places[i], e) < 0)
            return -1;
    return 0;
}

/* ---- boot records ---- */

/* Whether the sector may be a record of the chain; *next is 0 where it has no link. */
static bool decode(const struct search *s, const uint8_t *bytes, uint64_t at, struct candidate *one,
                   uint64_t *next)
{
    const struct mbr_sector *record = (const struct mbr_sector *)bytes;
    const struct mbr_record *data = &record->records[0], *link = &record->records[1];
    unsigned sector = s->bd->sector;

    *one = (struct candidate){mbr_decode_range(data, at, sector), at, data->code, ""};
    *next = link->sectors == 0 ? 0 : mbr_decode_range(link, s->extended.start, sector).start;
    return mbr_is_bare_record(bytes, sector) && one->range.bytes > 0 && data->code != 0 &&
           !mbr_is_extended(data->code) && one->range.start > at &&
           extent_contains(&s->extended, &one->range) &&
           (*next == 0 || mbr_is_extended(link->code));
}

/* The record there, and those that its links lead to: no further than the message reaches. */
static int try_record(struct search *s, uint64_t at, struct err *e)
{
    uint8_t bytes[GPT_SECTOR_MAX];
    struct candidate one;

    for (size_t i = 0; i <= FOUND_MAX && at != 0; i++) {
        struct extent sector = {at, s->bd->sector};

        if (!extent_contains(&s->extended, &sector))
            return 0;
        if (blockdev_pread(s->bd, bytes, s->bd->sector, at, e) < 0)
            return -1;
        if (!decode(s, bytes, at, &one, &at))
            return 0;
        add(s, &one);
    }
    return 0;
}

/* Every sector behind a filesystem: the next record is mostly near its end. */
static int look_closer(struct search *s, uint64_t start, struct err *e)
{
    struct extent range = {start, LOOKED_CLOSER};
    _cleanup_free_ uint8_t *bytes = malloc(LOOKED_CLOSER);
    struct candidate one;
    uint64_t next;

    if (bytes == NULL)
        return err_no_memory(e);
    if (start >= extent_end(&s->extended))
        return 0;
    if (range.bytes > extent_end(&s->extended) - start)
        range.bytes = round_down(extent_end(&s->extended) - start, s->bd->sector);
    if (blockdev_pread(s->bd, bytes, (size_t)range.bytes, start, e) < 0)
        return -1;
    for (uint64_t at = 0; at < range.bytes; at += s->bd->sector)
        if (decode(s, bytes + at, start + at, &one, &next) && try_record(s, start + at, e) < 0)
            return -1;
    return 0;
}

/* At the mebibytes, and where parted has the record of a partition that begins at one. */
static int look_wider(struct search *s, struct err *e)
{
    uint64_t end = extent_end(&s->extended), before = PARTED_BEFORE * s->bd->sector;
    uint64_t at = round_up(s->extended.start + 1, MIB);

    if (end - s->extended.start > LOOKED_WIDER)
        end = s->extended.start + LOOKED_WIDER;
    for (; at < end; at += MIB)
        if (try_record(s, at - before, e) < 0 || try_record(s, at, e) < 0)
            return -1;
    return 0;
}

/* The record that the last one should lead to is mostly near the end of its partition. */
static int look_behind_last(struct search *s, struct err *e)
{
    const struct table_entry *last = NULL;

    for (size_t i = 0; i < s->there->n; i++)
        if (table_is_logical(s->there, &s->there->entries[i]) &&
            extent_contains(&s->extended, &s->there->entries[i].range) &&
            (last == NULL || last->number < s->there->entries[i].number))
            last = &s->there->entries[i];
    return last != NULL ? look_closer(s, extent_end(&last->range), e) : 0;
}

/* ---- both ---- */

static int by_start(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

/* As options of `part add`, which takes them as they are. */
static void print_one(const struct search *s, const struct candidate *one, FILE *out)
{
    fprintf(out, "--start %llu --size %llu --type %#x", (unsigned long long)one->range.start,
            (unsigned long long)one->range.bytes, one->code);
    if (one->range.start % MIB != 0 || one->range.bytes % MIB != 0)
        fprintf(out, " --align %u", s->bd->sector);
    fprintf(out, " (%s)", one->record != 0 ? "a boot record" : one->fs);
}

static int print(const struct search *s, char **text, struct err *e)
{
    size_t len;
    FILE *out = open_memstream(text, &len);

    if (out == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < s->n; i++) {
        fputs(i > 0 ? ", " : "", out);
        print_one(s, &s->found[i], out);
    }
    if (s->more)
        fputs(", and more", out);
    return fclose(out) != 0 ? err_no_memory(e) : 0;
}

int mbr_find_lost(struct table_window *window, const struct table *there, char **text,
                  struct err *e)
{
    struct search s = {.bd = window->bd, .extended = there->extended.range, .there = there};
    struct extent disk = {0, window->lbas * window->bd->sector};
    size_t n_first;

    *text = NULL;
    if (!extent_contains(&disk, &s.extended))
        return 0;
    if (find_first(&s, e) < 0)
        return -1;
    n_first = s.n;
    for (size_t i = 0; i < n_first; i++)
        if (look_closer(&s, extent_end(&s.found[i].range), e) < 0)
            return -1;
    if (look_behind_last(&s, e) < 0 || look_wider(&s, e) < 0)
        return -1;
    qsort(s.found, s.n, sizeof(*s.found), by_start);
    return s.n == 0 ? 0 : print(&s, text, e);
}
