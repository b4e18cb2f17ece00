// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * gpt_codec.c: between a GPT's bytes and a table. Pure.
 *
 * An entry that says what it said keeps every byte, so that what other tools wrote behind a name,
 * or in entries longer than berth knows, stays.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "core/utf16.h"
#include "partition/gpt.h"
#include "partition/table_parts.h"

#include <endian.h>
#include <string.h>

static struct extent decode_range(const struct gpt_entry *from, unsigned sector)
{
    uint64_t first = le64toh(from->first_lba), last = le64toh(from->last_lba);
    struct extent none = {0, 0};

    if (first > last || last >= UINT64_MAX / sector)
        return none;
    return (struct extent){first * sector, (last - first + 1) * sector};
}

static void decode_entry(const uint8_t *bytes, unsigned sector, struct table_entry *entry)
{
    struct gpt_entry from;

    memcpy(&from, bytes, sizeof(from));
    entry->range = decode_range(&from, sector);
    entry->type = from.type;
    entry->uuid = from.uuid;
    entry->attributes = le64toh(from.attributes);
    utf16_to_utf8(from.name, TABLE_NAME_MAX, entry->name);
}

/* An entry without a type is not used. */
static bool is_used(const uint8_t *bytes)
{
    static const struct guid none;

    return memcmp(bytes, &none, sizeof(none)) != 0;
}

int gpt_decode(const struct gpt_copy *copy, const struct blockdev *bd, struct table *table,
               struct err *e)
{
    const struct gpt_header *header = &copy->header;
    size_t used = 0;

    for (uint32_t i = 0; i < header->n_entries; i++)
        used += is_used(copy->entries + (size_t)i * header->entry_bytes);
    table->kind = TABLE_GPT;
    table->uuid = header->disk;
    table->slots = header->n_entries;
    table->entry_bytes = header->entry_bytes;
    table->last_usable = (header->last_usable_lba + 1) * bd->sector;
    if (table_reserve(table, used, e) < 0)
        return -1;
    for (uint32_t i = 0; i < header->n_entries; i++) {
        const uint8_t *bytes = copy->entries + (size_t)i * header->entry_bytes;

        if (!is_used(bytes))
            continue;
        table->entries[table->n] = (struct table_entry){.number = i + 1};
        decode_entry(bytes, bd->sector, &table->entries[table->n++]);
    }
    return 0;
}

void gpt_encode_header(const struct table *table, const struct gpt_copy *there,
                       unsigned sector_bytes, const struct gpt_header *where, uint8_t *sector)
{
    struct gpt_header header = {.revision = htole32(GPT_REVISION)};
    uint32_t header_bytes = there != NULL ? there->header.header_bytes : GPT_HEADER_BYTES;

    memset(sector, 0, sector_bytes);
    if (there != NULL) {
        memcpy(sector, there->sector, sector_bytes);
        memcpy(&header, sector, sizeof(header));
    }
    memcpy(header.signature, GPT_SIGNATURE, sizeof(header.signature));
    header.header_bytes = htole32(header_bytes);
    header.header_crc = 0;
    header.my_lba = htole64(where->my_lba);
    header.alternate_lba = htole64(where->alternate_lba);
    header.first_usable_lba = htole64(table->usable.start / sector_bytes);
    header.last_usable_lba = htole64(extent_end(&table->usable) / sector_bytes - 1);
    header.disk = table->uuid;
    header.entries_lba = htole64(where->entries_lba);
    header.n_entries = htole32(table->slots);
    header.entry_bytes = htole32(table->entry_bytes);
    header.entries_crc = htole32(where->entries_crc);
    memcpy(sector, &header, sizeof(header));
    header.header_crc = htole32(gpt_crc(sector, header_bytes));
    memcpy(sector, &header, sizeof(header));
}

/* The bytes that the partition of that GUID has now: in the slot it shall have, or in another. */
static const uint8_t *find_bytes(const struct gpt_copy *there, const struct table_entry *entry)
{
    size_t each = there->header.entry_bytes;
    const uint8_t *same = there->entries + (entry->number - 1) * each;

    if (entry->number <= there->header.n_entries &&
        memcmp(same + offsetof(struct gpt_entry, uuid), &entry->uuid, sizeof(entry->uuid)) == 0)
        return same;
    for (uint32_t i = 0; i < there->header.n_entries; i++) {
        const uint8_t *bytes = there->entries + i * each;

        if (is_used(bytes) && memcmp(bytes + offsetof(struct gpt_entry, uuid), &entry->uuid,
                                     sizeof(entry->uuid)) == 0)
            return bytes;
    }
    return NULL;
}

/* Puts the entry over `bytes`, which hold what was there or zeros. */
static void encode_entry(const struct table_entry *entry, unsigned sector, uint8_t *bytes)
{
    char name[UTF16_TEXT(TABLE_NAME_MAX)];
    uint16_t units[TABLE_NAME_MAX];
    struct gpt_entry to;

    memcpy(&to, bytes, sizeof(to));
    to.type = entry->type;
    to.uuid = entry->uuid;
    if (entry->range.bytes > 0) { /* what no disk can have stays as it is */
        to.first_lba = htole64(entry->range.start / sector);
        to.last_lba = htole64(extent_end(&entry->range) / sector - 1);
    }
    to.attributes = htole64(entry->attributes);
    if (strcmp(utf16_to_utf8(to.name, TABLE_NAME_MAX, name), entry->name) != 0) {
        utf16_from_utf8(entry->name, units, TABLE_NAME_MAX);
        memcpy(to.name, units, sizeof(to.name));
    }
    memcpy(bytes, &to, sizeof(to));
}

/* Slots that are free keep what is in them, those that become free are cleared. */
static void copy_free_slots(const struct table *table, const struct gpt_copy *there, uint8_t *to)
{
    size_t each = table->entry_bytes;
    uint32_t n = there->header.n_entries < table->slots ? there->header.n_entries : table->slots;

    if (there->header.entry_bytes != each)
        return;
    for (uint32_t i = 0; i < n; i++)
        if (!is_used(there->entries + i * each))
            memcpy(to + i * each, there->entries + i * each, each);
}

int gpt_encode_entries(const struct table *table, const struct gpt_copy *there,
                       unsigned sector_bytes, uint8_t **entries, size_t *bytes, struct err *e)
{
    size_t each = table->entry_bytes, n = table->slots;
    uint8_t *to = calloc(1, round_up(n * each, sector_bytes));

    if (to == NULL)
        return err_no_memory(e);
    if (there != NULL)
        copy_free_slots(table, there, to);
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];
        const uint8_t *old = there != NULL ? find_bytes(there, entry) : NULL;
        uint8_t *at = to + (entry->number - 1) * each;
        size_t known = there != NULL ? there->header.entry_bytes : 0;

        memset(at, 0, each);
        if (old != NULL)
            memcpy(at, old, known < each ? known : each);
        encode_entry(entry, sector_bytes, at);
    }
    *entries = to;
    *bytes = round_up(n * each, sector_bytes);
    return 0;
}
