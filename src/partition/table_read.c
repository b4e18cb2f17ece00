// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * table_read.c: which table a disk has, what it says and what is wrong with it.
 *
 * An MBR with partitions counts, whatever is left of a GPT, unless its only one is the protective
 * record but for the type. A GPT counts that has a whole primary,
 * or a protective MBR before a whole backup. A backup alone counts on a disk whose head is blank,
 * as a power cut leaves one that gets its first table, or where nothing but a partition of it is
 * found (gpt_evidence.c); behind anything else, such as a filesystem on the whole disk, it is only
 * left over.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/mbr.h"
#include "partition/table_disk.h"
#include "partition/table_parts.h"

#include <string.h>

static bool is_blank(const uint8_t *bytes, size_t n)
{
    return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

/* Whether everything before the range for partitions, as far as the window shows it, is zeros. */
static bool head_is_blank(const struct table_disk *disk)
{
    uint64_t front = disk->gpt.backup.header.first_usable_lba * disk->window.bd->sector;
    uint64_t head = disk->window.head.bytes;

    return is_blank(disk->window.head_bytes, (size_t)(front < head ? front : head));
}

/* Whether there is a header where one is looked for. One inside a partition is that one's. */
static bool is_stale(const struct table_disk *disk, const struct table *table,
                     const struct gpt_copy *copy)
{
    uint64_t sector = disk->window.bd->sector;
    bool looked_for = copy->lba == 1 || copy->lba == disk->window.lbas - 1;

    return looked_for && copy->signature &&
           table_is_free(table, (struct extent){copy->lba * sector, sector});
}

static enum table_kind find_kind(const struct table_disk *disk)
{
    bool guarded = disk->what == MBR_IS_PROTECTIVE || disk->what == MBR_IS_HYBRID;
    const struct gpt_disk *gpt = &disk->gpt;

    if (disk->what == MBR_IS_TABLE)
        return TABLE_MBR;
    if (gpt->primary.wrong == NULL)
        return TABLE_GPT;
    if (gpt->backup.wrong == NULL && guarded)
        return TABLE_GPT;
    if (guarded && (gpt->primary.signature || gpt->backup.signature))
        return TABLE_GPT;
    return disk->what == MBR_IS_EMPTY || disk->what == MBR_IS_HYBRID ? TABLE_MBR : TABLE_NONE;
}

/* The protective record but for its type. Nothing can be in such a partition: it would begin with
 * the GPT's header. Both copies agree, so none is old. */
static bool was_protective(const struct table_disk *disk)
{
    return disk->what == MBR_IS_TABLE && gpt_disk_agrees(&disk->gpt) &&
           mbr_was_protective(disk->window.head_bytes, disk->window.lbas, disk->gpt.backup.lba);
}

/* The kind, which may be what only the backup of a GPT says: then sector 0 is none. */
static int decide_kind(struct table_disk *disk, enum table_kind *kind, struct err *e)
{
    const uint8_t *sector = disk->window.head_bytes;
    bool noise = disk->what == MBR_IS_TABLE && mbr_is_noise(sector, disk->window.lbas);
    int counts;

    if (was_protective(disk)) {
        *kind = TABLE_GPT;
        disk->what = MBR_IS_NONE;
        return 0;
    }
    *kind = find_kind(disk);
    if (disk->gpt.backup.wrong != NULL || (*kind != TABLE_NONE && !noise))
        return 0;
    counts = gpt_backup_counts(disk, head_is_blank(disk), e);
    if (counts <= 0)
        return counts;
    *kind = TABLE_GPT;
    disk->what = MBR_IS_NONE;
    return 0;
}

/* ---- GPT ---- */

/* Where partitions may lie: what the header says, up to the new end of a disk that has grown. */
static void find_usable(const struct table_disk *disk, const struct gpt_copy *copy,
                        struct table *table)
{
    const struct gpt_header *header = &copy->header;
    uint64_t sector = disk->window.bd->sector;
    uint64_t back = gpt_entry_sectors(header, (unsigned)sector) + 1;
    uint64_t end = disk->window.lbas > back ? disk->window.lbas - back : 0;
    uint64_t last = header->last_usable_lba + 1;
    uint64_t backup = copy->lba == 1 ? header->alternate_lba : copy->lba;
    bool grown = backup < disk->window.lbas - 1;

    table->entries_at = copy->lba == 1 ? header->entries_lba * sector : 2 * sector;
    if (end > header->entries_lba && header->entries_lba > header->last_usable_lba &&
        copy->lba == 1)
        end = header->entries_lba;
    if (!grown && last < end)
        end = last;
    table->usable.start = header->first_usable_lba * sector;
    table->usable.bytes =
        end > header->first_usable_lba ? (end - header->first_usable_lba) * sector : 0;
}

/* The header of one copy and the entries of the other, on whose checksum it agrees. */
static int report_lent(const struct gpt_disk *gpt, struct table *table, struct err *e)
{
    const struct gpt_copy *primary = &gpt->primary, *backup = &gpt->backup;
    bool front = primary->lent;

    if (table_damage(table, DAMAGE_PRIMARY, 0, e,
                     "the first copy of the GPT is damaged: %s; its %s", primary->wrong,
                     front ? "header is whole, and so are the backup's entries"
                           : "entries are whole, and so is the backup's header") < 0)
        return -1;
    return table_damage(table, DAMAGE_BACKUP, 0, e, "the backup of the GPT is damaged: %s; its %s",
                        backup->wrong, front ? "entries are whole" : "header is whole");
}

/* A backup that is the only whole copy does not say where the primary's entries were. */
static int report_copies(const struct gpt_disk *gpt, struct table *table, struct err *e)
{
    const struct gpt_copy *primary = &gpt->primary, *backup = &gpt->backup;

    if (primary->lent || backup->lent)
        return report_lent(gpt, table, e);
    if (primary->wrong != NULL)
        return table_damage(table, DAMAGE_PRIMARY, 0, e,
                            "the first copy of the GPT is damaged: %s; the backup is whole",
                            primary->wrong);
    if (backup->wrong != NULL)
        return table_damage(table, DAMAGE_BACKUP, 0, e,
                            "the backup of the GPT is damaged: %s; the first copy is whole",
                            backup->wrong);
    if (!gpt_disk_agrees(gpt) &&
        table_damage(table, DAMAGE_COPIES_DIFFER, 0, e,
                     "both copies of the GPT are whole and differ; the first one counts") < 0)
        return -1;
    if (!gpt->backup_at_end)
        return table_damage(
            table, DAMAGE_BACKUP_NOT_AT_END, 0, e,
            "the backup of the GPT is not at the end of the disk, which was enlarged");
    return 0;
}

static const struct table_entry *entry_at(const struct table *table, struct extent range)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start == range.start &&
            table->entries[i].range.bytes == range.bytes)
            return &table->entries[i];
    return NULL;
}

/* The partitions beside the protective record are, or are not, those of the GPT. */
static int report_hybrid(const struct table_disk *disk, struct table *table, struct err *e)
{
    struct mbr_sector s;

    memcpy(&s, disk->window.head_bytes, sizeof(s));
    for (unsigned i = 0; i < MBR_RECORDS; i++) {
        struct extent range = mbr_decode_range(&s.records[i], 0, disk->window.bd->sector);
        const struct table_entry *same = entry_at(table, range);
        int result = 0;

        if (s.records[i].code == MBR_PROTECTIVE || range.bytes == 0)
            continue;
        if (same != NULL)
            result =
                table_damage(table, DAMAGE_HYBRID, same->number, e,
                             "a hybrid MBR: beside the GPT, record %u of sector 0 names partition "
                             "%u, too",
                             i + 1, same->number);
        else
            result = table_damage(table, DAMAGE_HYBRID_OUT_OF_STEP, i + 1, e,
                                  "a hybrid MBR: record %u of sector 0 names a partition that the "
                                  "GPT does not have",
                                  i + 1);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int report_sector(const struct table_disk *disk, struct table *table, struct err *e)
{
    if (disk->what == MBR_IS_PROTECTIVE)
        return 0;
    if (disk->what == MBR_IS_HYBRID)
        return report_hybrid(disk, table, e);
    return table_damage(table, DAMAGE_NO_PROTECTIVE_MBR, 0, e, "sector 0 does not protect the GPT");
}

/* Nothing has to be guessed when only free space has gone. */
static int report_smaller(struct table *table, struct err *e)
{
    for (size_t i = 0; i < table->n; i++)
        if (extent_end(&table->entries[i].range) > extent_end(&table->usable))
            return table_damage(table, DAMAGE_DISK_SMALLER, 0, e,
                                "the disk is smaller than its partition table says");
    return table_damage(
        table, DAMAGE_FREE_END_GONE, 0, e,
        "the disk is smaller than its partition table says; all partitions are on it");
}

static int read_gpt(struct table_disk *disk, struct table *table, struct err *e)
{
    const struct gpt_copy *copy = gpt_disk_copy(&disk->gpt);
    struct blockdev *bd = disk->window.bd;

    table->kind = TABLE_GPT;
    if (copy == NULL) {
        table_set_defaults(table, bd);
        return table_damage(
            table, DAMAGE_BOTH_COPIES, 0, e,
            "both copies of the GPT are damaged: of the first, %s; of the backup, %s",
            disk->gpt.primary.wrong, disk->gpt.backup.wrong);
    }
    if (gpt_decode(copy, bd, table, e) < 0)
        return -1;
    find_usable(disk, copy, table);
    if (table->last_usable > extent_end(&table->usable) && report_smaller(table, e) < 0)
        return -1;
    if (report_copies(&disk->gpt, table, e) < 0 || report_sector(disk, table, e) < 0)
        return -1;
    table->copies_differ = table_has_damage(table, DAMAGE_PRIMARY) ||
                           table_has_damage(table, DAMAGE_BACKUP) ||
                           table_has_damage(table, DAMAGE_COPIES_DIFFER);
    return 0;
}

/* ---- MBR ---- */

/* A partition that begins before the first mebibyte shows that berth's own rule does not hold here.
 */
static void lower_usable(struct table *table, unsigned sector)
{
    uint64_t start = table->usable.start;

    if (table->extended.range.bytes > 0 && table->extended.range.start < start)
        start = table->extended.range.start;
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start < start)
            start = table->entries[i].range.start;
    start = start < sector ? sector : start;
    table->usable.bytes += table->usable.start - start;
    table->usable.start = start;
}

static int report_beside(const struct table_entry *found, struct table *table, struct err *e)
{
    return table_damage(table, DAMAGE_GPT_BESIDE, 0, e,
                        "the MBR counts, and beside it is a whole GPT, in whose %s there is "
                        "something that the MBR does not know",
                        table_title(found->number, found->name).text);
}

/* A partition of an MBR that would begin in front of a whole GPT's first header, and hold it. */
static const struct table_entry *covers_gpt(const struct table_disk *disk,
                                            const struct table *table)
{
    struct extent header = {disk->window.bd->sector, disk->window.bd->sector};

    for (size_t i = 0; table->kind == TABLE_MBR && i < table->n; i++)
        if (extent_overlaps(&table->entries[i].range, &header))
            return gpt_disk_agrees(&disk->gpt) ? &table->entries[i] : NULL;
    return NULL;
}

static int report_stale(const struct table_disk *disk, struct table *table, struct err *e)
{
    const struct table_entry *cover = covers_gpt(disk, table);
    struct table_entry found;
    int beside;

    if (cover != NULL)
        return table_damage(table, DAMAGE_GPT_BESIDE, 0, e,
                            "the MBR counts, and its partition %u holds the header of a whole GPT, "
                            "which sector 0 may have protected",
                            cover->number);
    if (!is_stale(disk, table, &disk->gpt.primary) && !is_stale(disk, table, &disk->gpt.backup))
        return 0;
    beside = table->kind == TABLE_MBR ? gpt_has_content_beside(disk, table, &found, e) : 0;
    if (beside != 0)
        return beside < 0 ? -1 : report_beside(&found, table, e);
    if (table->kind == TABLE_NONE && disk->gpt.backup.wrong == NULL)
        return table_damage(table, DAMAGE_STALE_SIGNATURE, 0, e,
                            "a GPT has left its backup at the end of the disk, and what is in "
                            "front may be somebody's");
    return table_damage(table, DAMAGE_STALE_SIGNATURE, 0, e,
                        "a GPT that does not count any more has left its signature");
}

/* Partitions beside a record for a GPT of which nothing is there. */
static int report_announced(struct table *table, struct err *e)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].code == MBR_PROTECTIVE)
            return table_damage(table, DAMAGE_HEADERS_GONE, table->entries[i].number, e,
                                "an MBR whose record %u announces a GPT, and there is none",
                                table->entries[i].number);
    return 0;
}

/* A chain that comes back to itself, or whose first record is none: what it led to is not reached.
 */
static struct damage *damage_that_hides(const struct table_disk *disk, struct table *table)
{
    const struct mbr_chain *chain = &disk->chain;
    struct damage *last = table->n_damage > 0 ? &table->damage[table->n_damage - 1] : NULL;

    if (last == NULL || chain->n == 0) /* the walk ends with what ends the chain */
        return NULL;
    if (last->kind == DAMAGE_EBR_LOOP)
        return last;
    return last->kind == DAMAGE_EBR_DAMAGED && chain->nodes[chain->n - 1].none ? last : NULL;
}

/* What may have been behind the end of such a chain is listed, for a person to judge: where it is
 * found the chain is not ended without a word. */
static int report_lost(struct table_disk *disk, struct table *table, struct err *e)
{
    struct damage *damage = damage_that_hides(disk, table);
    _cleanup_free_ char *found = NULL;
    char *text;

    if (damage == NULL)
        return 0;
    if (mbr_find_lost(&disk->window, table, &found, e) < 0)
        return -1;
    if (found == NULL)
        return 0;
    if (asprintf(&text,
                 "%s; these may have been logical partitions, or are left of deleted ones: %s",
                 damage->text, found) < 0)
        return err_no_memory(e);
    free(damage->text);
    damage->text = text;
    damage->kind = DAMAGE_EBR_LOST;
    return 0;
}

static int read_mbr(struct table_disk *disk, struct table *table, struct err *e)
{
    struct blockdev *bd = disk->window.bd;

    if (mbr_read(&disk->window, table, &disk->chain, e) < 0)
        return -1;
    if (report_lost(disk, table, e) < 0)
        return -1;
    table_set_defaults(table, bd);
    lower_usable(table, bd->sector);
    table->last_usable = extent_end(&table->usable);
    return disk->what == MBR_IS_HYBRID ? report_announced(table, e) : report_stale(disk, table, e);
}

/* A protective MBR behind which no GPT is seen: with sectors of another size there may be one. */
static int report_unseen(struct table_disk *disk, struct table *table, struct err *e)
{
    int sector = gpt_find_other_sector(&disk->window, e);

    if (sector < 0)
        return -1;
    if (sector == 0)
        return table_damage(table, DAMAGE_HEADERS_GONE, 0, e,
                            "a protective MBR without a GPT: both headers are gone");
    return table_damage(table, DAMAGE_OTHER_SECTOR, 0, e,
                        "the table was made for sectors of %d bytes, and this device has %u: an "
                        "enclosure or adapter may show another size",
                        sector, disk->window.bd->sector);
}

int table_disk_read(struct table_disk *disk, struct blockdev *bd, struct table *table,
                    struct err *e)
{
    enum table_kind kind;
    int result = 0;

    if (bd->sector < sizeof(struct mbr_sector) || bd->sector > GPT_SECTOR_MAX ||
        bd->bytes < bd->sector)
        return 0;
    table->sector = bd->sector;
    if (table_window_open(&disk->window, bd, e) < 0 ||
        gpt_disk_read(&disk->window, &disk->gpt, e) < 0)
        return -1;
    disk->what = mbr_recognise(disk->window.head_bytes, disk->window.lbas);
    if (decide_kind(disk, &kind, e) < 0)
        return -1;
    switch (kind) {
    case TABLE_GPT:
        result = read_gpt(disk, table, e);
        break;
    case TABLE_MBR:
        result = read_mbr(disk, table, e);
        break;
    case TABLE_NONE:
        return disk->what == MBR_IS_PROTECTIVE ? report_unseen(disk, table, e)
                                               : report_stale(disk, table, e);
    }
    return result < 0 ? -1 : table_check(table, bd, e);
}

void table_disk_clear(struct table_disk *disk)
{
    gpt_disk_clear(&disk->gpt);
    mbr_chain_clear(&disk->chain);
}

struct table *table_read(struct blockdev *bd, struct err *e)
{
    _cleanup_table_disk_ struct table_disk disk = {0};
    _cleanup_table_ struct table *table = table_alloc(e);

    if (table == NULL || table_disk_read(&disk, bd, table, e) < 0) {
        err_wrap(e, "the partition table of %s", bd->name);
        return NULL;
    }
    return steal(table);
}
