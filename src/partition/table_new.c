// SPDX-License-Identifier: GPL-3.0-or-later
/* table_new.c: an empty table. Pure. */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"

#include <string.h>

#define MBR_SECTORS_MAX (UINT64_C(1) << 32)
#define SMALL_DISK      (4 * MIB) /* below, partitions may begin right behind the table */

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
