// SPDX-License-Identifier: GPL-3.0-or-later
/* table_find.c: which partition of a table a person means, and which one of another table is. Pure.
 */
#include "core/size.h"
#include "partition/table.h"

#include <string.h>

const struct table_entry *table_find(const struct table *table, const char *part, struct err *e)
{
    const struct table_entry *found = NULL;
    unsigned number = number_parse(part);
    struct guid uuid;
    struct err no_guid;

    if (strlen(part) == GUID_TEXT - 1 && guid_parse(part, &uuid, &no_guid) == 0)
        found = table_entry_by_uuid((struct table *)table, &uuid);
    if (found != NULL)
        return found;

    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];

        if (number != 0 ? entry->number != number : strcmp(entry->name, part) != 0)
            continue;
        if (found != NULL) {
            err_set(e, ERR_USAGE, "several partitions are called %s", part);
            err_hint(e, "give its number");
            return NULL;
        }
        found = entry;
    }
    if (found == NULL) {
        err_set(e, ERR_NOT_FOUND, "there is no partition %s", part);
        err_hint(e, "berth disk show lists the partitions with their numbers and names");
    }
    return found;
}

static const struct table_entry *by_start(const struct table *table, uint64_t start)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start == start)
            return &table->entries[i];
    return NULL;
}

/* True when `found`, which has the GUID of `entry`, is another partition of `from` that has it. */
static bool is_twin(const struct table *from, const struct table_entry *found,
                    const struct table_entry *entry)
{
    const struct table_entry *twin = table_entry_by_number((struct table *)from, found->number);

    return twin != NULL && twin != entry && guid_equal(&twin->uuid, &entry->uuid);
}

/*
 * An MBR has no GUIDs, and its logical partitions get other numbers when one before them goes: the
 * start says more there, and a number only where no start does.
 */
const struct table_entry *table_same_entry(const struct table *table, const struct table *from,
                                           const struct table_entry *entry)
{
    const struct table_entry *same;

    if (table->kind == TABLE_MBR && from->kind == TABLE_MBR) {
        same = by_start(table, entry->range.start);
        if (same != NULL)
            return same;
        for (size_t i = 0; i < table->n; i++)
            if (table->entries[i].number == entry->number &&
                by_start(from, table->entries[i].range.start) == NULL)
                return &table->entries[i];
        return NULL;
    }
    if (table->kind == TABLE_MBR || from->kind == TABLE_MBR) { /* a conversion gives new GUIDs */
        same = by_start(table, entry->range.start);
        if (same != NULL)
            return same;
    }
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *other = &table->entries[i];

        if (other->number == entry->number &&
            (guid_equal(&other->uuid, &entry->uuid) || other->range.start == entry->range.start))
            return other;
    }
    for (size_t i = 0; i < table->n; i++)
        if (guid_equal(&table->entries[i].uuid, &entry->uuid) &&
            !is_twin(from, &table->entries[i], entry))
            return &table->entries[i];
    return NULL;
}
