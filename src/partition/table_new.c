// SPDX-License-Identifier: GPL-3.0-or-later
/* table_new.c: an empty table, and a table of one kind as one of the other. Pure. */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"
#include "partition/type.h"

#include <string.h>

#define MBR_SECTORS_MAX (UINT64_C(1) << 32)
#define SMALL_DISK      (4 * MIB) /* below, partitions may begin right behind the table */
#define CODE_UNKNOWN    0xda      /* "non-FS data": nobody takes it for something it is not */

static void set_gpt_defaults(struct table *table, const struct blockdev *bd)
{
    uint64_t end = round_down(bd->bytes, bd->sector), entries, front, back;

    if (table->slots == 0)
        table->slots = TABLE_SLOTS;
    if (table->entry_bytes == 0)
        table->entry_bytes = GPT_ENTRY_BYTES;
    if (table->entries_at == 0)
        table->entries_at = 2 * (uint64_t)bd->sector;
    if (table->usable.bytes != 0)
        return;
    entries = round_up((uint64_t)table->slots * table->entry_bytes, bd->sector);
    front = table->entries_at + entries;
    if (end >= SMALL_DISK && front < MIB)
        front = MIB;
    back = entries + bd->sector;
    if (end > back && front < end - back)
        table->usable = (struct extent){front, end - back - front};
}

uint64_t table_reach(enum table_kind kind, unsigned sector, uint64_t bytes)
{
    return kind == TABLE_MBR && bytes / sector > MBR_SECTORS_MAX ? MBR_SECTORS_MAX * sector : bytes;
}

static void set_mbr_defaults(struct table *table, const struct blockdev *bd)
{
    uint64_t end = round_down(table_reach(TABLE_MBR, bd->sector, bd->bytes), bd->sector);
    uint64_t front = end >= SMALL_DISK ? MIB : bd->sector;

    table->slots = MBR_RECORDS;
    if (table->usable.bytes == 0 && front < end)
        table->usable = (struct extent){front, end - front};
}

void table_set_defaults(struct table *table, const struct blockdev *bd)
{
    table->sector = bd->sector;
    if (table->kind == TABLE_GPT)
        set_gpt_defaults(table, bd);
    else if (table->kind == TABLE_MBR)
        set_mbr_defaults(table, bd);
}

struct table *table_new(struct blockdev *bd, enum table_kind kind, const struct guid *uuid,
                        struct err *e)
{
    _cleanup_table_ struct table *table = table_alloc(e);

    if (table == NULL)
        return NULL;
    table->kind = kind;
    table->uuid = *uuid;
    if (kind == TABLE_MBR)
        memset(table->uuid.bytes + 4, 0, sizeof(table->uuid.bytes) - 4);
    table_set_defaults(table, bd);
    if (table->usable.bytes == 0) {
        err_set(e, ERR_NO_SPACE, "%s: %llu bytes are too few for partitions", bd->name,
                (unsigned long long)bd->bytes);
        return NULL;
    }
    table->last_usable = extent_end(&table->usable);
    return steal(table);
}

/* ---- conversion ---- */

/* The same range under the other kind's type; what only the old kind has is left behind. */
static int convert_entry(const struct table_entry *from, struct table *to, struct err *e)
{
    const struct partition_type *type = partition_type_of(&from->type);
    struct table_entry entry = {.number = from->number, .range = from->range};

    if (to->kind == TABLE_GPT) {
        entry.type = !guid_is_zero(&from->type) ? from->type : partition_type("linux")->guid;
        entry.attributes = from->attributes & TABLE_ACTIVE;
        if (guid_new(&entry.uuid, e) < 0)
            return -1;
    } else {
        entry.code = type != NULL && type->code != 0 ? type->code : CODE_UNKNOWN;
        entry.attributes = from->attributes & TABLE_ACTIVE;
        if (entry.number > MBR_RECORDS)
            entry.number = table_free_number(to);
    }
    return table_insert(to, &entry, e);
}

static int check_conversion(const struct table *table, enum table_kind kind, struct err *e)
{
    if (table->kind == TABLE_NONE || kind == TABLE_NONE)
        return err_set(e, ERR_USAGE, "there is no partition table to convert");
    if (table->kind == kind)
        return err_set(e, ERR_USAGE, "the partition table is %s already",
                       kind == TABLE_GPT ? "a GPT" : "an MBR");
    if (kind == TABLE_MBR && table->n > MBR_RECORDS) {
        err_set(e, ERR_NO_SPACE, "an MBR has room for 4 primary partitions, and there are %zu",
                table->n);
        return err_hint(e, "remove partitions first, or keep the GPT");
    }
    return 0;
}

/* A partition may begin anywhere behind the GPT, in front of where berth would begin. */
static void widen_usable(const struct table *from, struct table *to, const struct blockdev *bd)
{
    uint64_t front = to->entries_at + round_up((uint64_t)to->slots * to->entry_bytes, bd->sector);

    for (size_t i = 0; i < from->n && to->kind == TABLE_GPT; i++) {
        uint64_t start = from->entries[i].range.start;

        if (start >= front && start < to->usable.start) {
            to->usable.bytes += to->usable.start - start;
            to->usable.start = start;
        }
    }
}

struct table *table_convert(const struct table *table, enum table_kind kind, struct blockdev *bd,
                            struct err *e)
{
    _cleanup_table_ struct table *to = NULL;
    struct guid uuid;

    if (check_conversion(table, kind, e) < 0 || guid_new(&uuid, e) < 0)
        return NULL;
    to = table_new(bd, kind, &uuid, e);
    if (to == NULL)
        return NULL;
    widen_usable(table, to, bd);
    /* those that keep their number go first, so that the others get what is left */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < table->n; i++)
            if ((kind == TABLE_MBR && table->entries[i].number > MBR_RECORDS) == pass &&
                convert_entry(&table->entries[i], to, e) < 0)
                return NULL;
    if (table_validate(to, bd, e) < 0) {
        err_wrap(e, "as %s", kind == TABLE_GPT ? "a GPT" : "an MBR");
        return NULL;
    }
    return steal(to);
}
