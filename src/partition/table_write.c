// SPDX-License-Identifier: GPL-3.0-or-later
/* table_write.c: makes the disk's table what was asked for; how each kind is written is in
 * gpt_write.c and mbr_write.c. */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/table_disk.h"
#include "partition/table_parts.h"

#include <string.h>

/* A GPT that stays the same disk's keeps its shape. */
static void keep_shape(const struct table *there, struct table *table)
{
    if (there->kind != TABLE_GPT || !guid_equal(&there->uuid, &table->uuid) || there->slots == 0)
        return;
    table->slots = there->slots;
    table->entry_bytes = there->entry_bytes;
    table->entries_at = there->entries_at;
}

/* What looks like a GPT's header outside the MBR's partitions goes. */
static int drop_signature(struct blockdev *bd, const struct table *table, uint64_t at,
                          bool *dropped, struct err *e)
{
    struct extent header = {at, bd->sector};
    static const uint8_t zeros[GPT_SECTOR_MAX];
    char signature[sizeof(GPT_SIGNATURE) - 1];

    if (extent_end(&header) > bd->bytes || !table_is_free(table, header))
        return 0;
    if (blockdev_pread(bd, signature, sizeof(signature), at, e) < 0)
        return -1;
    if (memcmp(signature, GPT_SIGNATURE, sizeof(signature)) != 0)
        return 0;
    *dropped = true;
    return blockdev_pwrite(bd, zeros, bd->sector, header.start, e);
}

int table_erase_stale(struct blockdev *bd, const struct table *table, struct err *e)
{
    uint64_t last = round_down(bd->bytes, bd->sector) - bd->sector;
    bool dropped = false;

    if (drop_signature(bd, table, bd->sector, &dropped, e) < 0 ||
        drop_signature(bd, table, last, &dropped, e) < 0)
        return -1;
    return dropped ? blockdev_flush(bd, e) : 0;
}

/* What was left of a GPT beside this MBR before is none of the change's business. */
static bool is_same_mbr(const struct table *there, const struct table *table)
{
    return there->kind == TABLE_MBR && guid_equal(&there->uuid, &table->uuid);
}

static int write_mbr(struct blockdev *bd, const struct table *table, const struct table *there,
                     const struct table_disk *disk, struct err *e)
{
    if (mbr_write(bd, table, there, &disk->chain, e) < 0)
        return -1;
    return is_same_mbr(there, table) ? 0 : table_erase_stale(bd, table, e);
}

int table_write(struct blockdev *bd, const struct table *table, struct err *e)
{
    _cleanup_table_disk_ struct table_disk disk = {0};
    _cleanup_table_ struct table *there = table_alloc(e);
    struct table full = *table;
    int result = -1;

    if (there != NULL && table_disk_read(&disk, bd, there, e) == 0) {
        keep_shape(there, &full);
        table_set_defaults(&full, bd);
        result = table_validate(&full, bd, e);
    }
    if (result == 0)
        result = full.kind == TABLE_GPT
                     ? gpt_write(bd, &full, &disk.gpt, there->kind == TABLE_MBR, e)
                     : write_mbr(bd, &full, there, &disk, e);
    return result < 0 ? err_wrap(e, "writing the partition table of %s", bd->name) : 0;
}

int table_replace(struct blockdev *bd, const struct table *table, bool mends, struct err *e)
{
    if (table_write(bd, table, e) < 0)
        return -1;
    return mends && table->kind == TABLE_MBR ? table_erase_stale(bd, table, e) : 0;
}
