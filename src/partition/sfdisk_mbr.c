// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * sfdisk_mbr.c: where sfdisk puts an MBR's partition. Pure.
 *
 * A partition that starts within the extended one is logical, and so is one whose node has a number
 * from 5 up, or that comes when nothing primary is left. A start that is not given is the first
 * aligned sector of the first gap that is large enough. Before each logical partition there is
 * room for its boot record. All numbers are sectors, ends are inclusive.
 */
#include "core/cleanup.h"
#include "partition/sfdisk.h"

#define PRIMARIES 4u
#define MOST      UINT32_MAX /* the last sector that an MBR's 32 bits reach */

struct span {
    uint64_t first, last;
};

static struct span span_of(const struct sfdisk_work *work, const struct extent *range)
{
    unsigned sector = work->script->sector;

    return (struct span){range->start / sector, extent_end(range) / sector - 1};
}

/* ---- what is taken ---- */

struct taken {
    struct span *spans;
    size_t n;
};

/* The space that a new partition of that kind cannot use. A logical one's record comes before it.
 */
static int collect_taken(const struct sfdisk_work *work, bool logical, struct taken *taken,
                         struct err *e)
{
    const struct table *table = work->table;

    taken->spans = calloc(table->n + 1, sizeof(*taken->spans));
    if (taken->spans == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < table->n; i++) {
        struct span span = span_of(work, &table->entries[i].range);

        if ((table->entries[i].number > PRIMARIES) != logical)
            continue;
        if (logical)
            span.first -= work->disk.first;
        taken->spans[taken->n++] = span;
    }
    if (!logical && table->extended.range.bytes > 0)
        taken->spans[taken->n++] = span_of(work, &table->extended.range);
    return 0;
}

static const struct span *taken_at(const struct taken *taken, uint64_t sector)
{
    for (size_t i = 0; i < taken->n; i++)
        if (sector >= taken->spans[i].first && sector <= taken->spans[i].last)
            return &taken->spans[i];
    return NULL;
}

static uint64_t next_free(const struct taken *taken, uint64_t at, uint64_t record)
{
    const struct span *span;

    while ((span = taken_at(taken, at)) != NULL)
        at = span->last + 1 + record;
    return at;
}

static uint64_t last_free(const struct taken *taken, uint64_t start, uint64_t last)
{
    for (size_t i = 0; i < taken->n; i++)
        if (taken->spans[i].first > start && taken->spans[i].first <= last)
            last = taken->spans[i].first - 1;
    return last;
}

/* ---- one partition ---- */

struct place {
    struct taken taken;
    bool logical;
    struct span range;    /* in which it has to be */
    uint64_t record;      /* sectors before a logical one */
    uint64_t start, last; /* the result */
};

static int open_place(struct sfdisk_work *work, const struct sfdisk_line *line, bool logical,
                      struct place *place, struct err *e)
{
    struct span extended = span_of(work, &work->table->extended.range);
    uint64_t base = logical ? extended.first : 0;

    /* A script that starts a partition within the first MiB (one made in the days of cylinders)
     * makes sfdisk ask for one sector only, from there on. */
    if (line->start.given && line->start.sectors > base &&
        line->start.sectors < base + work->disk.first)
        work->disk.first = 1;
    place->logical = logical;
    place->record = logical ? work->disk.first : 0;
    place->range.first = base + work->disk.first;
    place->range.last = logical                       ? extended.last
                        : work->disk.total - 1 < MOST ? work->disk.total - 1
                                                      : MOST;
    return collect_taken(work, logical, &place->taken, e);
}

static int given_start(const struct place *place, const struct sfdisk_amount *wanted, struct err *e)
{
    uint64_t start = wanted->sectors;

    if (start < place->range.first || start > place->range.last)
        return err_set(e, ERR_NO_SPACE, "start %s: %s partition can start at %llu to %llu",
                       wanted->text, place->logical ? "a logical" : "a primary",
                       (unsigned long long)place->range.first,
                       (unsigned long long)place->range.last);
    if (taken_at(&place->taken, start) != NULL)
        return err_set(e, ERR_NO_SPACE, "start %s: that sector is another partition's",
                       wanted->text);
    return 0;
}

/* The last free sector of the range, or 0. */
static uint64_t range_limit(const struct place *place)
{
    uint64_t limit = place->range.last;
    const struct span *span;

    while (limit >= place->range.first && (span = taken_at(&place->taken, limit)) != NULL)
        limit = span->first - 1;
    return limit < place->range.first ? 0 : limit;
}

/* The first free sector at or behind `first` that is aligned; `first` where there is none. */
static uint64_t aligned_free(const struct sfdisk_work *work, const struct place *place,
                             uint64_t first, uint64_t limit)
{
    uint64_t at = first, aligned;

    do {
        uint64_t next;

        aligned = sfdisk_align(&work->disk, at, at, limit);
        next = next_free(&place->taken, aligned, place->record);
        if (next > place->range.last)
            break;
        at = next;
    } while (at > aligned && at < limit);
    return at >= limit ? first : at;
}

/* The first such start behind which `size` sectors are free. */
static int default_start(const struct sfdisk_work *work, const struct sfdisk_line *line,
                         struct place *place, struct err *e)
{
    uint64_t need = line->size.given ? line->size.sectors : 1, most = 0;
    uint64_t limit = range_limit(place), last;

    for (uint64_t at = place->range.first;; at = last + 1) {
        uint64_t first = next_free(&place->taken, at, place->record);

        if (first > limit)
            break;
        place->start = aligned_free(work, place, first, limit);
        last = last_free(&place->taken, place->start, place->range.last);
        if (last - place->start + 1 >= need)
            return 0;
        most = last - place->start + 1 > most ? last - place->start + 1 : most;
    }
    return line->size.given
               ? err_set(e, ERR_NO_SPACE,
                         "size %s: %llu sectors do not fit; the largest gap has %llu",
                         line->size.text, (unsigned long long)need, (unsigned long long)most)
               : err_set(e, ERR_NO_SPACE, "no sector is left for another partition");
}

/* sfdisk rounds where a size with a suffix ends; one below its unit comes out one sector longer. */
static int find_last(const struct sfdisk_work *work, const struct sfdisk_line *line,
                     struct place *place, struct err *e)
{
    uint64_t limit = last_free(&place->taken, place->start, place->range.last);
    uint64_t size = line->size.sectors, start = place->start, last = start + size - 1;

    place->last = limit;
    if (!line->size.given)
        return 0;
    if (size == 0)
        return err_set(e, ERR_SYNTAX, "size %s: a partition has at least one sector",
                       line->size.text);
    if (size > limit - start + 1)
        return err_set(e, ERR_NO_SPACE, "size %s: at sector %llu at most %llu sectors fit",
                       line->size.text, (unsigned long long)start,
                       (unsigned long long)(limit - start + 1));
    place->last = last;
    if (!line->size.aligned || work->disk.grain == 1 || last + 1 > limit)
        return 0;
    place->last = last + 1;
    if (size >= work->disk.grain) {
        place->last = sfdisk_align(&work->disk, last + 1, start, limit);
        place->last -= place->last > start ? 1 : 0;
    }
    return 0;
}

static void close_place(struct place *place)
{
    free(place->taken.spans);
}

static int find_place(struct sfdisk_work *work, const struct sfdisk_line *line, bool logical,
                      struct extent *range, struct err *e)
{
    _cleanup_(close_place) struct place place = {0};
    unsigned sector = work->script->sector;

    if (open_place(work, line, logical, &place, e) < 0)
        return -1;
    place.start = line->start.sectors;
    if (line->start.given ? given_start(&place, &line->start, e) < 0
                          : default_start(work, line, &place, e) < 0)
        return -1;
    if (find_last(work, line, &place, e) < 0)
        return -1;
    range->start = place.start * sector;
    range->bytes = (place.last - place.start + 1) * sector;
    return 0;
}

/* ---- primary or logical, and which number ---- */

static unsigned free_primary(const struct table *table)
{
    bool used[PRIMARIES + 1] = {false};

    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].number <= PRIMARIES)
            used[table->entries[i].number] = true;
    if (table->extended.range.bytes > 0)
        used[table->extended.number] = true;
    for (unsigned number = 1; number <= PRIMARIES; number++)
        if (!used[number])
            return number;
    return 0;
}

static unsigned next_logical(const struct table *table)
{
    unsigned number = PRIMARIES + 1;

    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].number >= number)
            number = table->entries[i].number + 1;
    return number;
}

/* Whether one aligned unit is free outside the extended partition: between primary ones that are
 * numbered in their order, or behind the one with the highest number. sfdisk looks no closer. */
static bool room_for_primary(struct sfdisk_work *work)
{
    uint64_t first = work->disk.first, grain = work->disk.grain;

    for (unsigned number = 1; number <= PRIMARIES; number++) {
        const struct table_entry *entry = table_entry_by_number(work->table, number);
        struct span span;

        if (entry != NULL)
            span = span_of(work, &entry->range);
        else if (work->table->extended.number == number)
            span = span_of(work, &work->table->extended.range);
        else
            continue;
        if (first + grain <= span.first)
            return true;
        first = span.last + 1;
    }
    return first + grain <= work->disk.total;
}

static bool is_logical(struct sfdisk_work *work, const struct sfdisk_line *line)
{
    const struct table_extended *extended = &work->table->extended;
    struct span span = span_of(work, &extended->range);

    if (extended->range.bytes == 0)
        return line->number > PRIMARIES;
    if (line->start.given)
        return line->start.sectors >= span.first && line->start.sectors <= span.last;
    if (line->number != 0)
        return line->number > PRIMARIES;
    return free_primary(work->table) == 0 || !room_for_primary(work);
}

static int logical_number(const struct sfdisk_work *work, const struct sfdisk_line *line,
                          unsigned *number, struct err *e)
{
    *number = next_logical(work->table);
    if (work->table->extended.range.bytes == 0)
        return err_set(e, ERR_SYNTAX, "partition %u is logical, and there is no extended one",
                       line->number);
    if (line->number == 0 || line->number == *number)
        return 0;
    if (line->number <= PRIMARIES)
        return err_set(e, ERR_SYNTAX, "partition %u starts within the extended one, expected %u",
                       line->number, *number);
    return err_set(e, ERR_SYNTAX,
                   "found partition %u, expected %u: logical ones are numbered one by one",
                   line->number, *number);
}

static int primary_number(const struct sfdisk_work *work, const struct sfdisk_line *line,
                          unsigned *number, struct err *e)
{
    *number = line->number != 0 ? line->number : free_primary(work->table);
    if (*number == 0)
        return err_set(e, ERR_NO_SPACE, "an MBR has four primary partitions, and all are taken");
    if (*number > PRIMARIES)
        return err_set(e, ERR_SYNTAX, "partition %u starts outside the extended one", *number);
    if (table_entry_by_number(work->table, *number) != NULL ||
        (work->table->extended.range.bytes > 0 && work->table->extended.number == *number))
        return err_set(e, ERR_SYNTAX, "partition %u is there twice", *number);
    return 0;
}

static bool is_extended_code(uint8_t code)
{
    return code == 0x05 || code == 0x0f || code == 0x85;
}

static int add_extended(struct sfdisk_work *work, const struct sfdisk_line *line,
                        const struct table_entry *entry, struct err *e)
{
    if (work->table->extended.range.bytes > 0)
        return err_set(e, ERR_SYNTAX, "there is an extended partition already, number %u",
                       work->table->extended.number);
    if (line->bootable)
        return err_set(e, ERR_UNSUPPORTED, "an extended partition cannot be bootable");
    work->table->extended = (struct table_extended){entry->number, entry->code, entry->range};
    return 0;
}

int sfdisk_mbr_add(struct sfdisk_work *work, const struct sfdisk_line *line, struct err *e)
{
    struct table_entry entry = {0};
    bool logical = is_logical(work, line);

    if ((logical ? logical_number(work, line, &entry.number, e)
                 : primary_number(work, line, &entry.number, e)) < 0)
        return -1;
    if (find_place(work, line, logical, &entry.range, e) < 0 ||
        sfdisk_field_code(work, line, &entry, e) < 0)
        return -1;
    if (is_extended_code(entry.code) && !logical)
        return add_extended(work, line, &entry, e);
    if (is_extended_code(entry.code))
        return err_set(e, ERR_SYNTAX, "a logical partition cannot be of the extended type %02x",
                       entry.code);
    entry.attributes = line->bootable ? TABLE_ACTIVE : 0;
    entry.uuid = table_mbr_uuid(work->table, entry.number);
    return table_insert(work->table, &entry, e);
}
