// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * table_tool.c: a partition table as JSON, for tests that compare berth with other tools.
 *
 *     table_tool read FILE SECTOR     prints what table_read sees
 *     table_tool write FILE SECTOR    makes the table of the same JSON on standard input
 *
 * Starts and sizes are in sectors, as sfdisk has them.
 */
#include "core/cleanup.h"
#include "partition/table.h"

#include <jansson.h>
#include <string.h>

static json_t *guid_json(const struct guid *guid)
{
    char text[GUID_TEXT];

    return json_string(guid_print(guid, text));
}

static json_t *entry_json(const struct table *table, const struct table_entry *entry)
{
    return json_pack("{s:i, s:I, s:I, s:o, s:i, s:o, s:s, s:o}", "number", (int)entry->number,
                     "start", (json_int_t)(entry->range.start / table->sector), "size",
                     (json_int_t)(entry->range.bytes / table->sector), "type",
                     guid_json(&entry->type), "code", (int)entry->code, "uuid",
                     guid_json(&entry->uuid), "name", entry->name, "attributes",
                     json_sprintf("%016llx", (unsigned long long)entry->attributes));
}

static void print(const struct table *table)
{
    static const char *const kinds[] = {"none", "gpt", "mbr"};
    json_t *entries = json_array(), *damage = json_array(), *all;

    for (size_t i = 0; i < table->n; i++)
        json_array_append_new(entries, entry_json(table, &table->entries[i]));
    for (size_t i = 0; i < table->n_damage; i++)
        json_array_append_new(damage, json_string(damage_name(table->damage[i].kind)));
    all = json_pack(
        "{s:s, s:o, s:o, s:[i, i, I, I], s:o}", "kind", kinds[table->kind], "uuid",
        guid_json(&table->uuid), "damage", damage, "extended", (int)table->extended.number,
        (int)table->extended.code, (json_int_t)(table->extended.range.start / table->sector),
        (json_int_t)(table->extended.range.bytes / table->sector), "partitions", entries);
    json_dumpf(all, stdout, 0);
    json_decref(all);
}

/* ---- and back ---- */

static uint64_t number(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "";
}

static int insert(struct table *table, const json_t *from, struct err *e)
{
    struct table_entry entry = {
        .number = (unsigned)number(from, "number"),
        .range = {number(from, "start") * table->sector, number(from, "size") * table->sector},
        .code = (uint8_t)number(from, "code"),
        .attributes = strtoull(text(from, "attributes"), NULL, 16)};

    if (table->kind == TABLE_GPT && (guid_parse(text(from, "type"), &entry.type, e) < 0 ||
                                     guid_parse(text(from, "uuid"), &entry.uuid, e) < 0))
        return -1;
    snprintf(entry.name, sizeof(entry.name), "%s", text(from, "name"));
    return table_insert(table, &entry, e);
}

static int write_json(struct blockdev *bd, const json_t *from, struct err *e)
{
    const json_t *extended = json_object_get(from, "extended"), *partition;
    enum table_kind kind = strcmp(text(from, "kind"), "gpt") == 0 ? TABLE_GPT : TABLE_MBR;
    _cleanup_table_ struct table *table = NULL;
    struct guid uuid;
    size_t i;

    if (guid_parse(text(from, "uuid"), &uuid, e) < 0)
        return -1;
    table = table_new(bd, kind, &uuid, e);
    if (table == NULL)
        return -1;
    if (number(from, "first") != 0) {
        table->usable.bytes = extent_end(&table->usable) - number(from, "first") * bd->sector;
        table->usable.start = number(from, "first") * bd->sector;
    }
    if (extended != NULL)
        table->extended = (struct table_extended){
            (unsigned)json_integer_value(json_array_get(extended, 0)),
            (uint8_t)json_integer_value(json_array_get(extended, 1)),
            {(uint64_t)json_integer_value(json_array_get(extended, 2)) * bd->sector,
             (uint64_t)json_integer_value(json_array_get(extended, 3)) * bd->sector}};
    json_array_foreach(json_object_get(from, "partitions"), i,
                       partition) if (insert(table, partition, e) < 0) return -1;
    return table_write(bd, table, e);
}

static int run(const char *verb, const char *path, unsigned sector, struct err *e)
{
    bool writes = strcmp(verb, "write") == 0;
    _cleanup_blockdev_ struct blockdev *bd = file_open(path, writes, sector, e);
    _cleanup_table_ struct table *table = NULL;
    json_t *from;
    int result;

    if (bd == NULL)
        return -1;
    if (writes) {
        from = json_loadf(stdin, 0, NULL);
        result = write_json(bd, from, e);
        json_decref(from);
        return result;
    }
    table = table_read(bd, e);
    if (table == NULL)
        return -1;
    print(table);
    return 0;
}

int main(int argc, char **argv)
{
    struct err e;

    if (argc != 4)
        return 2;
    if (run(argv[1], argv[2], (unsigned)atoi(argv[3]), &e) == 0)
        return 0;
    fprintf(stderr, "%s\n", e.text);
    return 1;
}
