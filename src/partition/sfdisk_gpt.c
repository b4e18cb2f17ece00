// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * sfdisk_gpt.c: where sfdisk puts a GPT's partition. Pure.
 *
 * A start that is not given is the first aligned sector of the largest gap; an end that is not
 * given is the gap's. All numbers are sectors, ends are inclusive.
 */
#include "core/size.h"
#include "partition/sfdisk.h"

struct span {
    uint64_t first, last;
};

static struct span entry_span(const struct sfdisk_work *work, const struct table_entry *entry)
{
    unsigned sector = work->script->sector;

    return (struct span){entry->range.start / sector, extent_end(&entry->range) / sector - 1};
}

static struct span usable_span(const struct sfdisk_work *work)
{
    const struct extent *usable = &work->table->usable;
    unsigned sector = work->script->sector;

    return (struct span){usable->start / sector, extent_end(usable) / sector - 1};
}

/* The partition that has the sector, or NULL. */
static const struct table_entry *entry_at(const struct sfdisk_work *work, uint64_t sector)
{
    for (size_t i = 0; i < work->table->n; i++) {
        struct span span = entry_span(work, &work->table->entries[i]);

        if (sector >= span.first && sector <= span.last)
            return &work->table->entries[i];
    }
    return NULL;
}

static uint64_t last_free(const struct sfdisk_work *work, uint64_t first)
{
    uint64_t last = usable_span(work).last;

    for (size_t i = 0; i < work->table->n; i++) {
        struct span span = entry_span(work, &work->table->entries[i]);

        if (span.first > first && span.first <= last)
            last = span.first - 1;
    }
    return last;
}

/* The largest gap; the first one of that size. False when there is none. */
static bool largest_gap(const struct sfdisk_work *work, struct span *largest)
{
    struct span usable = usable_span(work);
    const struct table_entry *entry;
    bool found = false;

    for (uint64_t at = usable.first; at <= usable.last;) {
        uint64_t last;

        entry = entry_at(work, at);
        if (entry != NULL) {
            at = entry_span(work, entry).last + 1;
            continue;
        }
        last = last_free(work, at);
        if (!found || last - at > largest->last - largest->first)
            *largest = (struct span){at, last};
        found = true;
        at = last + 1;
    }
    return found;
}

static int default_start(const struct sfdisk_work *work, uint64_t *start, struct err *e)
{
    struct span gap;

    if (!largest_gap(work, &gap))
        return err_set(e, ERR_NO_SPACE, "no sector is left for another partition");
    if (gap.last - gap.first + 1 < work->disk.grain)
        return err_set(e, ERR_NO_SPACE,
                       "the largest gap that is left has %llu sectors, fewer than one aligned unit "
                       "(%llu)",
                       (unsigned long long)(gap.last - gap.first + 1),
                       (unsigned long long)work->disk.grain);
    *start = sfdisk_align(&work->disk, gap.first, gap.first, gap.last);
    return 0;
}

static int find_start(const struct sfdisk_work *work, const struct sfdisk_line *line,
                      uint64_t *start, struct err *e)
{
    struct span usable = usable_span(work);
    const struct table_entry *entry;

    if (!line->start.given)
        return default_start(work, start, e);
    *start = line->start.sectors;
    if (*start < usable.first || *start > usable.last)
        return err_set(e, ERR_NO_SPACE, "start %s: the usable sectors are %llu to %llu",
                       line->start.text, (unsigned long long)usable.first,
                       (unsigned long long)usable.last);
    entry = entry_at(work, *start);
    if (entry != NULL)
        return err_set(e, ERR_NO_SPACE, "start %s: that sector is partition %u's", line->start.text,
                       entry->number);
    return 0;
}

/* sfdisk rounds the end of a size that has a suffix, and the end of the disk. */
static int find_last(const struct sfdisk_work *work, const struct sfdisk_line *line, uint64_t start,
                     uint64_t *last, struct err *e)
{
    uint64_t most = last_free(work, start), usual = most, size = line->size.sectors;

    if (most == usable_span(work).last)
        usual = sfdisk_align(&work->disk, most, start, most) - 1;
    if (!line->size.given) {
        *last = usual;
        return usual < start ? err_set(e, ERR_NO_SPACE, "nothing fits at sector %llu",
                                       (unsigned long long)start)
                             : 0;
    }
    if (size == 0)
        return err_set(e, ERR_SYNTAX, "size %s: a partition has at least one sector",
                       line->size.text);
    if (size > most - start + 1)
        return err_set(e, ERR_NO_SPACE, "size %s: at sector %llu at most %llu sectors fit",
                       line->size.text, (unsigned long long)start,
                       (unsigned long long)(most - start + 1));
    *last = start + size - 1;
    if (*last != usual && line->size.aligned && work->disk.grain > 1 &&
        *last - start > work->disk.grain) {
        *last = sfdisk_align(&work->disk, *last, start, usual);
        *last -= *last > start ? 1 : 0;
    }
    return 0;
}

static int find_number(const struct sfdisk_work *work, const struct sfdisk_line *line,
                       unsigned *number, struct err *e)
{
    *number = line->number != 0 ? line->number : table_free_number(work->table);
    if (table_entry_by_number(work->table, *number) != NULL)
        return err_set(e, ERR_SYNTAX, "partition %u is there twice", *number);
    if (*number > work->table->slots)
        return err_set(e, ERR_NO_SPACE, "partition %u: the table has room for %u", *number,
                       work->table->slots);
    return 0;
}

int sfdisk_gpt_add(struct sfdisk_work *work, const struct sfdisk_line *line, struct err *e)
{
    struct table_entry entry = {0};
    uint64_t start = 0, last = 0;

    if (line->bootable) {
        err_set(e, ERR_UNSUPPORTED, "a GPT's partition cannot be \"bootable\"");
        return err_hint(e, "what comes closest is attrs=LegacyBIOSBootable");
    }
    if (find_number(work, line, &entry.number, e) < 0 || find_start(work, line, &start, e) < 0 ||
        find_last(work, line, start, &last, e) < 0)
        return -1;
    entry.range.start = start * work->script->sector;
    entry.range.bytes = (last - start + 1) * work->script->sector;
    if (sfdisk_field_fill(work, line, &entry, e) < 0)
        return -1;
    return table_insert(work->table, &entry, e);
}
