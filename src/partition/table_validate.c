// SPDX-License-Identifier: GPL-3.0-or-later
/* table_validate.c: whether a table can be written as it is, and every place it is written to.
 * Pure. */
#include "core/cleanup.h"
#include "core/size.h"
#include "core/utf16.h"
#include "partition/gpt.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"

#include <string.h>

static int check_gpt_entry(const struct table *table, const struct table_entry *entry,
                           struct err *e)
{
    uint16_t units[TABLE_NAME_MAX];
    int n = utf16_from_utf8(entry->name, units, TABLE_NAME_MAX);

    if (entry->number == 0 || entry->number > table->slots)
        return err_set(e, ERR_NO_SPACE, "partition %u: the GPT has room for %u", entry->number,
                       table->slots);
    if (guid_is_zero(&entry->type))
        return err_set(e, ERR_USAGE, "partition %u has no type", entry->number);
    if (n < 0)
        return err_set(e, ERR_USAGE, "partition %u: its name is not UTF-8", entry->number);
    if (n > TABLE_NAME_MAX)
        return err_set(
            e, ERR_USAGE,
            "partition %u: the name \"%s\" takes %d UTF-16 units, and a GPT has room for %d",
            entry->number, entry->name, n, TABLE_NAME_MAX);
    return 0;
}

static int check_mbr_entry(const struct table_entry *entry, const struct blockdev *bd,
                           struct err *e)
{
    char reach[SIZE_TEXT];

    if (entry->code == 0 || mbr_is_extended(entry->code) || entry->code == MBR_PROTECTIVE)
        return err_set(e, ERR_USAGE, "partition %u: 0x%02x is not the type of a partition",
                       entry->number, entry->code);
    if (entry->name[0] != '\0' || (entry->attributes & ~TABLE_ACTIVE) != 0)
        return err_set(e, ERR_USAGE,
                       "partition %u: an MBR keeps no name and no attribute but \"active\"",
                       entry->number);
    if (entry->range.start / bd->sector > UINT32_MAX ||
        entry->range.bytes / bd->sector > UINT32_MAX)
        return err_set(
            e, ERR_NO_SPACE,
            "partition %u reaches past the first %s of the disk, all that an MBR with "
            "sectors of %u bytes can describe",
            entry->number,
            size_exact(table_reach(TABLE_MBR, bd->sector, bd->bytes), reach, sizeof(reach)),
            bd->sector);
    return 0;
}

static int check_extended(const struct table *table, const struct blockdev *bd, struct err *e)
{
    const struct table_extended *extended = &table->extended;

    if (extended->range.bytes == 0)
        return 0;
    if (extended->number == 0 || extended->number > MBR_RECORDS || !mbr_is_extended(extended->code))
        return err_set(e, ERR_USAGE, "partition %u cannot be an extended one of type 0x%02x",
                       extended->number, extended->code);
    if (extended->range.start % bd->sector != 0 || extended->range.bytes % bd->sector != 0 ||
        extent_end(&extended->range) > extent_end(&table->usable))
        return err_set(e, ERR_NO_SPACE,
                       "partition %u, the extended one, does not lie on whole sectors of the disk",
                       extended->number);
    return 0;
}

/* Numbers: sorted they are already; logical ones leave no gap. */
static int check_numbers(const struct table *table, struct err *e)
{
    unsigned logical = MBR_FIRST;

    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];

        if (i > 0 && entry->number <= table->entries[i - 1].number)
            return err_set(e, ERR_USAGE, "there is more than one partition %u", entry->number);
        if (table->kind != TABLE_MBR)
            continue;
        if (entry->number == 0 ||
            (table->extended.range.bytes > 0 && entry->number == table->extended.number))
            return err_set(e, ERR_USAGE, "there is more than one partition %u", entry->number);
        if (table_is_logical(table, entry) && entry->number != logical++)
            return err_set(e, ERR_USAGE, "partition %u: logical ones are numbered from 5 in a row",
                           entry->number);
    }
    if (logical - MBR_FIRST > MBR_LOGICALS_MAX)
        return err_set(e, ERR_NO_SPACE, "%u logical partitions are more than %d",
                       logical - MBR_FIRST, MBR_LOGICALS_MAX);
    return 0;
}

static int check_entries(const struct table *table, const struct blockdev *bd, struct err *e)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];

        if (entry->range.start % bd->sector != 0 || entry->range.bytes % bd->sector != 0)
            return err_set(e, ERR_USAGE, "partition %u does not lie on whole sectors of %u bytes",
                           entry->number, bd->sector);
        if ((table->kind == TABLE_GPT ? check_gpt_entry(table, entry, e)
                                      : check_mbr_entry(entry, bd, e)) < 0)
            return -1;
    }
    return 0;
}

/* Damage of single partitions that the table has on the disk already: it is cured one by one. Where
 * the table itself is written there must be none of them. */
static bool was_there(const struct table *table, const struct damage *damage,
                      const struct blockdev *bd)
{
    const struct table_entry *entry = table_entry_by_number((struct table *)table, damage->number);
    struct gpt_places places;
    struct err ignored;

    if (damage->kind != DAMAGE_DUPLICATE_GUID && damage->kind != DAMAGE_OUT_OF_RANGE &&
        damage->kind != DAMAGE_OVERLAP)
        return false;
    if (table->kind == TABLE_GPT &&
        (entry == NULL || gpt_places(table, bd, &places, &ignored) < 0 ||
         extent_overlaps(&entry->range, &places.backup) ||
         extent_overlaps(&entry->range, &places.backup_entries) ||
         extent_overlaps(&entry->range, &places.primary_entries)))
        return false;
    for (size_t i = 0; i < table->n_damage; i++)
        if (table->damage[i].kind == damage->kind && table->damage[i].number == damage->number)
            return true;
    return false;
}

/* What would be new damage when it is read back: ranges, overlaps, GUIDs. On an MBR a partition may
 * begin anywhere behind sector 0, and boot records still move. */
static int check_as_read(const struct table *table, const struct blockdev *bd, struct err *e)
{
    _cleanup_table_ struct table *copy = table_copy(table, e);
    const struct damage *worst = NULL;

    if (copy == NULL)
        return -1;
    damage_free(copy->damage, copy->n_damage);
    copy->damage = NULL;
    copy->n_damage = 0;
    if (copy->kind == TABLE_MBR) {
        copy->usable.bytes += copy->usable.start - bd->sector;
        copy->usable.start = bd->sector;
    }
    for (size_t i = 0; i < copy->n; i++)
        copy->entries[i].ebr = 0;
    if (table_check(copy, bd, e) < 0)
        return -1;
    for (size_t i = 0; i < copy->n_damage && worst == NULL; i++)
        if (damage_forbids(copy->damage[i].kind) && !was_there(table, &copy->damage[i], bd))
            worst = &copy->damage[i];
    if (worst == NULL)
        return 0;
    return err_set(e, worst->kind == DAMAGE_DUPLICATE_GUID ? ERR_USAGE : ERR_NO_SPACE, "%s",
                   worst->text);
}

/* On the disk that one overlaps the extended partition already. */
static bool overlaps_already(const struct table *table, const struct table_entry *entry)
{
    for (size_t i = 0; i < table->n_damage; i++)
        if (table->damage[i].kind == DAMAGE_OVERLAP &&
            (table->damage[i].number == table->extended.number ||
             table->damage[i].number == entry->number))
            return true;
    return false;
}

/* The chain begins in the extended partition's first sector, whatever its partitions are. */
static int check_first_record(const struct table *table, const struct blockdev *bd, struct err *e)
{
    struct extent first = {table->extended.range.start, bd->sector};

    for (size_t i = 0; i < table->n; i++)
        if (table->extended.range.bytes > 0 && extent_overlaps(&table->entries[i].range, &first) &&
            !overlaps_already(table, &table->entries[i]))
            return err_set(e, ERR_NO_SPACE,
                           "partition %u would lie over the first boot record, at byte %llu",
                           table->entries[i].number, (unsigned long long)first.start);
    return 0;
}

static int check_mbr(const struct table *table, const struct blockdev *bd, struct err *e)
{
    _cleanup_mbr_chain_ struct mbr_chain chain = {0};
    struct mbr_room room = {.sector = bd->sector};
    static const uint8_t none[4];
    struct extent disk = {0, bd->bytes};

    if (table->usable.start < bd->sector || !extent_contains(&disk, &table->usable))
        return err_set(e, ERR_NO_SPACE, "%s: its range for partitions is not on the disk",
                       bd->name);
    if (table->n == 0 && table->extended.range.bytes == 0 &&
        memcmp(table->uuid.bytes, none, sizeof(none)) == 0)
        return err_set(e, ERR_USAGE, "an MBR without partitions needs a disk id");
    if (check_extended(table, bd, e) < 0 || check_first_record(table, bd, e) < 0 ||
        mbr_chain_make(table, &chain, e) < 0)
        return -1;
    return mbr_chain_place(&chain, NULL, &room, e);
}

int table_validate(const struct table *table, const struct blockdev *bd, struct err *e)
{
    struct table full = *table;
    struct gpt_places places;

    if (table->kind == TABLE_NONE || bd->sector < sizeof(struct mbr_sector) ||
        bd->sector > GPT_SECTOR_MAX)
        return err_set(e, ERR_USAGE, "%s: there is no partition table to write", bd->name);
    table_set_defaults(&full, bd);
    if (full.kind == TABLE_GPT && gpt_places(&full, bd, &places, e) < 0)
        return -1;
    if (check_numbers(&full, e) < 0 || check_entries(&full, bd, e) < 0 ||
        check_as_read(&full, bd, e) < 0)
        return -1;
    return full.kind == TABLE_MBR ? check_mbr(&full, bd, e) : 0;
}
