// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * gpt_evidence.c: is the whole backup of a GPT at the end of a disk that disk's table, although
 * what is in front of it says nothing of a GPT? Is a GPT beside an MBR more than left over? Reads
 * only, and a few MiB at most.
 *
 * A backup outlives the table's use: a filesystem or an encrypted volume that was made on the whole
 * disk leaves it at the end. So it counts only where nothing speaks for anything else over the
 * whole disk: no signature that is not a partition's own, only zeros between the place of the
 * entries and the first partition, and in the partitions what could be in them.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/probe.h"
#include "partition/gpt.h"
#include "partition/table_disk.h"
#include "partition/table_parts.h"
#include "partition/type.h"

#include <string.h>

#define HEAD_SECTORS                                                                               \
    UINT64_C(34) /* of a GPT with sectors of 512 bytes: as many are lost with any sectors */
#define GAP_WHOLE    (4 * MIB) /* of a larger gap only the beginning is looked through */
#define GAP_HEAD     MIB
#define CONTENT_HEAD (64 * KIB)
#define LOOKED_AT    16 /* partitions: those at the front, where something else would begin, too */

/* 1: what the backup says is sound in itself, and of a disk that ends there. */
static int is_sound(const struct table_disk *disk, struct table *table, struct err *e)
{
    const struct gpt_copy *backup = &disk->gpt.backup;
    uint64_t sector = disk->window.bd->sector;

    if (backup->lba != disk->window.lbas - 1 || backup->header.alternate_lba != 1)
        return 0;
    table->usable.start = backup->header.first_usable_lba * sector;
    table->usable.bytes = table->last_usable - table->usable.start;
    if (table_check(table, disk->window.bd, e) < 0)
        return -1;
    return table->n > 0 && table->n_damage == 0;
}

static int by_start(const void *a, const void *b)
{
    const struct table_entry *x = a, *y = b;

    return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

static const struct table_entry *owner_of(const struct table *table, uint64_t at)
{
    struct extent byte = {at, 1};

    for (size_t i = 0; i < table->n; i++)
        if (extent_contains(&table->entries[i].range, &byte))
            return &table->entries[i];
    return NULL;
}

/* 1: it is that of a partition, at whose end some kinds have one, too. */
static int is_partitions_own(struct blockdev *bd, const struct table *table,
                             const struct probe_signature *signature, struct err *e)
{
    const struct table_entry *owner = owner_of(table, signature->offset);
    struct probe probe;
    bool same;

    if (signature->usage == PROBE_TABLE)
        return 1;
    if (owner == NULL)
        return 0;
    if (probe_range(bd, owner->range, &probe, e) < 0)
        return -1;
    same = probe.fs != NULL && strcmp(probe.fs, signature->name) == 0;
    probe_clear(&probe);
    return same;
}

/* 1: nothing is recognised over the whole disk. */
static int has_no_signature(struct blockdev *bd, const struct table *table, struct err *e)
{
    _cleanup_free_ struct probe_signature *list = NULL;
    int own = 1;
    size_t n;

    if (probe_signatures(bd, (struct extent){0, bd->bytes}, &list, &n, e) < 0)
        return -1;
    for (size_t i = 0; own > 0 && i < n; i++)
        own = is_partitions_own(bd, table, &list[i], e);
    return own;
}

/* 1: behind what was the table there are zeros, or berth's log, up to the first partition. */
static int is_gap_blank(struct blockdev *bd, const struct table *table, struct err *e)
{
    uint64_t entries = round_up((uint64_t)table->slots * table->entry_bytes, bd->sector);
    uint64_t behind = 2 * bd->sector + entries, lost = HEAD_SECTORS * bd->sector;
    uint64_t end = table->entries[0].range.start;
    struct extent gap = {behind > lost ? behind : lost, 0};
    int data;

    if (gap.start >= end)
        return 1;
    gap.bytes = end - gap.start > GAP_WHOLE ? GAP_HEAD : end - gap.start;
    data = probe_has_data(bd, gap, NULL, e);
    return data < 0 ? -1 : !data;
}

enum content { CONTENT_BLANK, CONTENT_KNOWN, CONTENT_BOOT, CONTENT_UNKNOWN };

static int content_of(struct blockdev *bd, const struct table_entry *entry, enum content *content,
                      struct err *e)
{
    struct extent head = entry->range;
    struct probe probe;
    int data;

    if (probe_range(bd, entry->range, &probe, e) < 0)
        return -1;
    *content = probe.fs != NULL || probe.ambivalent ? CONTENT_KNOWN : CONTENT_UNKNOWN;
    probe_clear(&probe);
    if (*content == CONTENT_KNOWN)
        return 0;
    head.bytes = head.bytes > CONTENT_HEAD ? CONTENT_HEAD : head.bytes;
    data = probe_has_data(bd, head, NULL, e);
    if (data == 0)
        *content = CONTENT_BLANK;
    else if (partition_type_is(&entry->type, "bios-boot") ||
             partition_type_is(&entry->type, "prep"))
        *content = CONTENT_BOOT; /* a program without a signature */
    return data < 0 ? -1 : 0;
}

/* 1: where partitions begin there is what they would have there. What is unknown speaks against
 * them in the first one, and where no other is known. */
static int are_partitions_there(struct blockdev *bd, const struct table *table, struct err *e)
{
    size_t known = 0, unknown = 0;

    for (size_t i = 0; i < table->n && i < LOOKED_AT; i++) {
        enum content content;

        if (content_of(bd, &table->entries[i], &content, e) < 0)
            return -1;
        if (i == 0 && content == CONTENT_UNKNOWN)
            return 0;
        known += content == CONTENT_KNOWN;
        unknown += content == CONTENT_UNKNOWN;
    }
    return known > 0 || unknown == 0;
}

int gpt_backup_counts(const struct table_disk *disk, bool blank, struct err *e)
{
    _cleanup_table_ struct table *table = table_alloc(e);
    struct blockdev *bd = disk->window.bd;
    int counts = 1;

    if (table == NULL || gpt_decode(&disk->gpt.backup, bd, table, e) < 0)
        return -1;
    if (!blank)
        counts = is_sound(disk, table, e);
    if (!blank && counts > 0) {
        qsort(table->entries, table->n, sizeof(*table->entries), by_start);
        counts = is_gap_blank(bd, table, e);
    }
    if (!blank && counts > 0)
        counts = are_partitions_there(bd, table, e);
    return counts > 0 ? has_no_signature(bd, table, e) : counts;
}

static bool begins_partition(const struct table *table, uint64_t start)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start == start)
            return true;
    return false;
}

/* The end of the MBR's partition there, the extended one included; 0: it has none there. */
static uint64_t explained_until(const struct table *mbr, uint64_t at)
{
    const struct table_entry *owner = owner_of(mbr, at);
    struct extent byte = {at, 1};

    if (extent_contains(&mbr->extended.range, &byte))
        return extent_end(&mbr->extended.range);
    return owner != NULL ? extent_end(&owner->range) : 0;
}

/* Where the next partition of the MBR begins behind `at`, but no further than the end. */
static uint64_t unexplained_until(const struct table *mbr, uint64_t at, uint64_t end)
{
    const struct extent *extended = &mbr->extended.range;

    if (extended->bytes > 0 && extended->start > at && extended->start < end)
        end = extended->start;
    for (size_t i = 0; i < mbr->n; i++)
        if (mbr->entries[i].range.start > at && mbr->entries[i].range.start < end)
            end = mbr->entries[i].range.start;
    return end;
}

/* 1: where no partition of the MBR is, the range begins with anything but zeros. Whose it is need
 * not be known: it is data. */
static int has_unexplained(struct blockdev *bd, const struct table *mbr, struct extent range,
                           uint64_t look, struct err *e)
{
    uint64_t at = range.start, end = extent_end(&range);
    int data = 0;

    while (data == 0 && at < end) {
        uint64_t next = explained_until(mbr, at);
        struct extent head = {at, 0};

        if (next == 0) {
            next = unexplained_until(mbr, at, end);
            head.bytes = next - at > look ? look : next - at;
            data = probe_has_data(bd, head, NULL, e);
        }
        at = next;
    }
    return data;
}

/* 1: the MBR does not know what is in that partition of the GPT. */
static int is_content_beside(struct blockdev *bd, const struct table *mbr,
                             const struct table_entry *entry, bool closer, struct err *e)
{
    enum content content = CONTENT_BLANK;

    if (extent_end(&entry->range) > bd->bytes)
        return 0;
    if (closer && !begins_partition(mbr, entry->range.start) &&
        content_of(bd, entry, &content, e) < 0)
        return -1;
    if (content == CONTENT_KNOWN)
        return 1;
    return has_unexplained(bd, mbr, entry->range, closer ? GAP_HEAD : CONTENT_HEAD, e);
}

int gpt_has_content_beside(const struct table_disk *disk, const struct table *mbr,
                           struct table_entry *found, struct err *e)
{
    const struct gpt_disk *gpt = &disk->gpt;
    struct blockdev *bd = disk->window.bd;
    _cleanup_table_ struct table *table = NULL;
    int beside = 0;

    if (gpt->primary.wrong != NULL || gpt->backup.wrong != NULL)
        return 0;
    table = table_alloc(e);
    if (table == NULL || gpt_decode(&gpt->primary, bd, table, e) < 0)
        return -1;
    for (size_t i = 0; beside == 0 && i < table->n; i++) {
        *found = table->entries[i];
        beside = is_content_beside(bd, mbr, found, i < LOOKED_AT, e);
    }
    return beside;
}
