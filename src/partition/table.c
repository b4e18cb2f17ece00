// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * table.c: the partition table as plain data.
 *
 * Entries are sorted by number. The array has room for the next power of two, so that adding one to
 * many is cheap; its size is not kept anywhere else.
 */
#include "partition/table.h"
#include "core/cleanup.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"
#include "partition/type.h"

#include <endian.h>
#include <string.h>

#define LEAST_ROOM 8

struct table *table_alloc(struct err *e)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        err_no_memory(e);
    return table;
}

static size_t room_for(size_t n)
{
    size_t room = LEAST_ROOM;

    while (room < n)
        room *= 2;
    return room;
}

int table_reserve(struct table *table, size_t n, struct err *e)
{
    struct table_entry *grown;

    if (table->entries != NULL && room_for(n) == room_for(table->n))
        return 0;
    grown = realloc(table->entries, room_for(n) * sizeof(*grown));
    if (grown == NULL)
        return err_no_memory(e);
    table->entries = grown;
    return 0;
}

bool table_is_logical(const struct table *table, const struct table_entry *entry)
{
    return table->kind == TABLE_MBR && entry->number >= MBR_FIRST;
}

unsigned table_free_number(const struct table *table)
{
    unsigned number = 1;

    for (size_t i = 0; i < table->n && table->entries[i].number <= number; i++)
        number = table->entries[i].number + 1;
    if (table->kind != TABLE_MBR)
        return number;
    for (number = 1; number <= MBR_RECORDS; number++) {
        bool taken = table->extended.range.bytes > 0 && table->extended.number == number;

        for (size_t i = 0; i < table->n && !taken; i++)
            taken = table->entries[i].number == number;
        if (!taken)
            return number;
    }
    return 0;
}

/* On an MBR an entry's GUIDs follow from its code and its number, or its code from its type. */
static void derive(const struct table *table, struct table_entry *entry)
{
    const struct partition_type *type;

    if (table->kind != TABLE_MBR)
        return;
    if (entry->code == 0 && !guid_is_zero(&entry->type)) {
        type = partition_type_of(&entry->type);
        entry->code = type != NULL ? type->code : 0;
    }
    type = partition_type_of_code(entry->code);
    entry->type = type != NULL ? type->guid : (struct guid){0};
    entry->uuid = table_mbr_uuid(table, entry->number);
}

int table_insert(struct table *table, const struct table_entry *entry, struct err *e)
{
    struct table_entry added = *entry;
    size_t at = table->n;

    if (table_reserve(table, table->n + 1, e) < 0)
        return -1;
    derive(table, &added);
    while (at > 0 && table->entries[at - 1].number > added.number)
        at--;
    memmove(&table->entries[at + 1], &table->entries[at], (table->n - at) * sizeof(added));
    table->entries[at] = added;
    table->n++;
    return 0;
}

/* Damage has the numbers of the partitions. */
static void remove_damage(struct table *table, unsigned number)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->n_damage; i++) {
        struct damage *damage = &table->damage[i];

        if (damage->number == number) {
            free(damage->text);
            continue;
        }
        if (table->kind == TABLE_MBR && number >= MBR_FIRST && damage->number > number)
            damage->number--;
        table->damage[kept++] = *damage;
    }
    table->n_damage = kept;
}

/* The extended partition goes with everything in it, and with what is wrong with its chain. */
static void remove_extended(struct table *table)
{
    for (size_t i = 0; i < table->n_damage;)
        if (table->damage[i].number >= MBR_FIRST) {
            remove_damage(table, table->damage[i].number);
            i = 0;
        } else {
            i++;
        }
    table->extended = (struct table_extended){0};
    while (table->n > 0 && table->entries[table->n - 1].number >= MBR_FIRST)
        table->n--;
}

void table_remove(struct table *table, unsigned number)
{
    bool logical;
    size_t at = 0;

    remove_damage(table, number);

    if (table->kind == TABLE_MBR && table->extended.range.bytes > 0 &&
        table->extended.number == number) {
        remove_extended(table);
        return;
    }
    while (at < table->n && table->entries[at].number != number)
        at++;
    if (at == table->n)
        return;
    logical = table_is_logical(table, &table->entries[at]);
    table->n--;
    memmove(&table->entries[at], &table->entries[at + 1],
            (table->n - at) * sizeof(*table->entries));
    for (; logical && at < table->n; at++) {
        table->entries[at].number--;
        derive(table, &table->entries[at]);
    }
}

struct table_entry *table_entry_by_uuid(struct table *table, const struct guid *uuid)
{
    for (size_t i = 0; i < table->n; i++)
        if (guid_equal(&table->entries[i].uuid, uuid))
            return &table->entries[i];
    return NULL;
}

struct table_entry *table_entry_by_number(struct table *table, unsigned number)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].number == number)
            return &table->entries[i];
    return NULL;
}

static int copy_damage(const struct table *from, struct table *to, struct err *e)
{
    to->damage = calloc(from->n_damage + 1, sizeof(*to->damage));
    to->n_damage = 0;
    if (to->damage == NULL)
        return err_no_memory(e);
    for (; to->n_damage < from->n_damage; to->n_damage++) {
        struct damage *damage = &to->damage[to->n_damage];

        *damage = from->damage[to->n_damage];
        damage->text = strdup(damage->text);
        if (damage->text == NULL)
            return err_no_memory(e);
    }
    return 0;
}

struct table *table_copy(const struct table *table, struct err *e)
{
    _cleanup_table_ struct table *copy = table_alloc(e);

    if (copy == NULL)
        return NULL;
    *copy = *table;
    copy->entries = NULL;
    copy->damage = NULL;
    copy->n = 0;
    if (copy_damage(table, copy, e) < 0 || table_reserve(copy, table->n, e) < 0)
        return NULL;
    if (table->n > 0)
        memcpy(copy->entries, table->entries, table->n * sizeof(*copy->entries));
    copy->n = table->n;
    return steal(copy);
}

static bool same_entry(const struct table_entry *a, const struct table_entry *b)
{
    return a->number == b->number && a->range.start == b->range.start &&
           a->range.bytes == b->range.bytes && guid_equal(&a->type, &b->type) &&
           a->code == b->code && guid_equal(&a->uuid, &b->uuid) && a->attributes == b->attributes &&
           strcmp(a->name, b->name) == 0;
}

static bool same_extended(const struct table_extended *a, const struct table_extended *b)
{
    return a->range.bytes == b->range.bytes &&
           (a->range.bytes == 0 ||
            (a->number == b->number && a->code == b->code && a->range.start == b->range.start));
}

bool table_equal(const struct table *a, const struct table *b)
{
    if (a->kind != b->kind || !guid_equal(&a->uuid, &b->uuid) || a->n != b->n ||
        !same_extended(&a->extended, &b->extended))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!same_entry(&a->entries[i], &b->entries[i]))
            return false;
    return true;
}

const struct damage *table_problem(const struct table *table)
{
    return damage_worst(table->damage, table->n_damage);
}

/* The id is the GUID's first field, the number its second. */
struct guid table_mbr_uuid(const struct table *table, unsigned number)
{
    struct guid uuid = {0};
    uint16_t little = htole16((uint16_t)number);

    memcpy(uuid.bytes, table->uuid.bytes, 4);
    memcpy(uuid.bytes + 4, &little, sizeof(little));
    return uuid;
}

char *table_uuid_print(enum table_kind kind, const struct guid *uuid, char buf[GUID_TEXT])
{
    uint32_t id;
    uint16_t number;

    if (kind != TABLE_MBR)
        return guid_print(uuid, buf);
    memcpy(&id, uuid->bytes, sizeof(id));
    memcpy(&number, uuid->bytes + sizeof(id), sizeof(number));
    if (number == 0) /* of the disk */
        snprintf(buf, GUID_TEXT, "%08x", le32toh(id));
    else
        snprintf(buf, GUID_TEXT, "%08x-%02x", le32toh(id), le16toh(number));
    return buf;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    damage_free(table->damage, table->n_damage);
    free(table->entries);
    free(table);
}

void table_cleanup(struct table **table)
{
    table_free(*table);
}

struct table_title table_title(unsigned number, const char *name)
{
    bool named = name != NULL && *name != '\0';
    struct table_title title;

    snprintf(title.text, sizeof(title.text), "partition %u%s%s%s", number, named ? " (" : "",
             named ? name : "", named ? ")" : "");
    return title;
}
