// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * gpt_write.c: brings a disk's GPT to what a table says.
 *
 * Everything is computed first, and only what differs is written. At any moment one copy is whole:
 * the one that is damaged is written first, else the backup. Sector 0 becomes protective between
 * the two, since without it nobody looks for a GPT and a torn primary would look like somebody's
 * data; only where an MBR counts so far it comes last, and is the commit.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/mbr.h"

#include <string.h>

/* One copy as it shall be. */
struct gpt_target {
    struct gpt_header where;
    uint8_t sector[GPT_SECTOR_MAX];
    bool entries_change, header_changes;
};

struct gpt_writer {
    struct blockdev *bd;
    const struct table *table;
    const struct gpt_disk *gpt;
    const struct gpt_copy *base; /* what is kept of the same disk's table, or NULL */
    uint8_t *entries;
    size_t bytes;
    struct gpt_target primary, backup;
};

int gpt_places(const struct table *table, const struct blockdev *bd, struct gpt_places *places,
               struct err *e)
{
    uint64_t sector = bd->sector, end = round_down(bd->bytes, sector);
    uint64_t bytes = round_up((uint64_t)table->slots * table->entry_bytes, sector);
    uint64_t front = table->entries_at + bytes, back = bytes + sector;

    if (table->slots == 0 || table->slots > TABLE_SLOTS_MAX ||
        table->entry_bytes < GPT_ENTRY_BYTES || table->entry_bytes > GPT_ENTRY_MAX ||
        table->entry_bytes % 8 != 0 || table->entries_at % sector != 0 ||
        table->entries_at < 2 * sector || table->entries_at > end)
        return err_set(e, ERR_USAGE, "a GPT cannot have %u entries of %u bytes at %llu",
                       table->slots, table->entry_bytes, (unsigned long long)table->entries_at);
    if (end < back + 2 * sector || front > end - back)
        return err_set(e, ERR_NO_SPACE, "%s: its %llu bytes are too few for a GPT", bd->name,
                       (unsigned long long)bd->bytes);
    places->primary = (struct extent){sector, sector};
    places->primary_entries = (struct extent){table->entries_at, bytes};
    places->backup = (struct extent){end - sector, sector};
    places->backup_entries = (struct extent){end - back, bytes};
    if (table->usable.start < 2 * sector || extent_end(&table->usable) > end - back ||
        table->usable.bytes == 0 || table->usable.start % sector != 0 ||
        table->usable.bytes % sector != 0 ||
        extent_overlaps(&table->usable, &places->primary_entries))
        return err_set(
            e, ERR_NO_SPACE,
            "%s: the range for partitions, %llu bytes from %llu on, leaves no room for the "
            "table",
            bd->name, (unsigned long long)table->usable.bytes,
            (unsigned long long)table->usable.start);
    return 0;
}

/* What the header says, and whether the disk has it already. */
static void aim(struct gpt_writer *w, const struct gpt_copy *there, struct gpt_target *target)
{
    unsigned sector = w->bd->sector;
    size_t used = (size_t)w->table->slots * w->table->entry_bytes;

    target->where.entries_crc = gpt_crc(w->entries, used);
    gpt_encode_header(w->table, w->base, sector, &target->where, target->sector);
    target->header_changes = there->wrong != NULL || there->lba != target->where.my_lba ||
                             memcmp(there->sector, target->sector, sector) != 0;
    target->entries_change = there->wrong != NULL ||
                             there->header.entries_lba != target->where.entries_lba ||
                             there->header.n_entries != w->table->slots ||
                             there->header.entry_bytes != w->table->entry_bytes ||
                             memcmp(there->entries, w->entries, used) != 0;
}

/* A backup that is right where it is stays, even if its entries are not where berth puts them. */
static void aim_both(struct gpt_writer *w, const struct gpt_places *places)
{
    uint64_t sector = w->bd->sector, last = places->backup.start / sector;

    w->primary.where = (struct gpt_header){
        .my_lba = 1, .alternate_lba = last, .entries_lba = places->primary_entries.start / sector};
    aim(w, &w->gpt->primary, &w->primary);
    w->backup.where = (struct gpt_header){
        .my_lba = last, .alternate_lba = 1, .entries_lba = w->gpt->backup.header.entries_lba};
    aim(w, &w->gpt->backup, &w->backup);
    if (!w->backup.header_changes && !w->backup.entries_change)
        return;
    w->backup.where.entries_lba = places->backup_entries.start / sector;
    aim(w, &w->gpt->backup, &w->backup);
}

/* One copy: its entries, then the header that makes them count. */
static int write_copy(struct gpt_writer *w, const struct gpt_target *target, struct err *e)
{
    uint64_t sector = w->bd->sector;

    if (!target->entries_change && !target->header_changes)
        return 0;
    if (target->entries_change &&
        blockdev_pwrite(w->bd, w->entries, w->bytes, target->where.entries_lba * sector, e) < 0)
        return -1;
    if (target->header_changes &&
        blockdev_pwrite(w->bd, target->sector, sector, target->where.my_lba * sector, e) < 0)
        return -1;
    return blockdev_flush(w->bd, e);
}

static int write_protective(struct gpt_writer *w, struct err *e)
{
    uint8_t sector[GPT_SECTOR_MAX];

    if (blockdev_pread(w->bd, sector, w->bd->sector, 0, e) < 0)
        return -1;
    if (!mbr_make_protective(sector, w->bd->bytes / w->bd->sector))
        return 0;
    return blockdev_pwrite(w->bd, sector, w->bd->sector, 0, e) < 0 ? -1 : blockdev_flush(w->bd, e);
}

/* A header that is left over where an MBR counts would count again behind a protective one. */
static int drop_left_over(struct gpt_writer *w, struct err *e)
{
    uint8_t zeros[GPT_SECTOR_MAX] = {0};
    uint64_t sector = w->bd->sector;

    if (!w->gpt->primary.signature)
        return 0;
    w->primary.header_changes = w->primary.entries_change = true;
    return blockdev_pwrite(w->bd, zeros, sector, sector, e) < 0 ? -1 : blockdev_flush(w->bd, e);
}

static int write_in_order(struct gpt_writer *w, bool from_mbr, struct err *e)
{
    bool primary_first = !from_mbr && w->gpt->primary.wrong != NULL && w->gpt->backup.wrong == NULL;

    if (from_mbr && drop_left_over(w, e) < 0)
        return -1;
    if (!primary_first && write_copy(w, &w->backup, e) < 0)
        return -1;
    if (write_protective(w, e) < 0 || write_copy(w, &w->primary, e) < 0)
        return -1;
    return primary_first ? write_copy(w, &w->backup, e) : 0;
}

int gpt_write(struct blockdev *bd, const struct table *table, const struct gpt_disk *gpt,
              bool from_mbr, struct err *e)
{
    struct gpt_writer w = {.bd = bd, .table = table, .gpt = gpt};
    _cleanup_free_ uint8_t *entries = NULL;
    struct gpt_places places;

    w.base = gpt_disk_copy(gpt);
    if (w.base != NULL && !guid_equal(&w.base->header.disk, &table->uuid))
        w.base = NULL; /* another table, which takes nothing over */
    if (gpt_places(table, bd, &places, e) < 0 ||
        gpt_encode_entries(table, w.base, bd->sector, &entries, &w.bytes, e) < 0)
        return -1;
    w.entries = entries;
    aim_both(&w, &places);
    return write_in_order(&w, from_mbr, e);
}
