// SPDX-License-Identifier: GPL-3.0-or-later
/* table_write.c: makes the disk's table what was asked for, in an order that a power cut cannot
 * hurt. */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/table_stage.h"

#include <errno.h>
#include <string.h>

/* The entry for libfdisk; the caller drops the reference. */
static struct fdisk_partition *to_fdisk(struct table_stage *stage, const struct table_entry *entry)
{
    struct fdisk_label *label = fdisk_get_label(stage->context, "gpt");
    struct fdisk_partition *p = fdisk_new_partition();
    struct fdisk_parttype *type;
    char text[GUID_TEXT];
    int rc = 0;

    if (p == NULL)
        return NULL;
    type = fdisk_label_parse_parttype(label, guid_print(&entry->type, text));
    rc |= fdisk_partition_set_partno(p, entry->number - 1);
    rc |= fdisk_partition_set_start(p, entry->range.start / stage->bd->sector);
    rc |= fdisk_partition_set_size(p, entry->range.bytes / stage->bd->sector);
    rc |= fdisk_partition_set_name(p, entry->name);
    rc |= fdisk_partition_set_uuid(p, guid_print(&entry->uuid, text));
    rc |= type == NULL ? -1 : fdisk_partition_set_type(p, type);
    fdisk_unref_parttype(type);
    if (rc != 0) {
        fdisk_unref_partition(p);
        return NULL;
    }
    return p;
}

static int stage_entry(struct table_stage *stage, const struct table_entry *entry, struct err *e)
{
    struct fdisk_partition *p = to_fdisk(stage, entry);
    size_t number;
    int rc = p == NULL ? -EINVAL : fdisk_add_partition(stage->context, p, &number);

    fdisk_unref_partition(p);
    if (rc == 0)
        rc = fdisk_gpt_set_partition_attrs(stage->context, number, entry->attributes);
    if (rc < 0)
        return err_set(e, ERR_FAILED, "the table does not take partition %u (%s): %s",
                       entry->number, entry->name, strerror(-rc));
    return 0;
}

static int read_stage(struct table_stage *stage, struct table *table, struct err *e)
{
    free(table->entries);
    *table = (struct table){.kind = TABLE_GPT};
    return table_stage_read(stage, table, e);
}

static struct table_entry *entry_by_number(const struct table *table, unsigned number)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].number == number)
            return &table->entries[i];
    return NULL;
}

static bool same_place(const struct table_entry *a, const struct table_entry *b)
{
    return a->range.start == b->range.start && a->range.bytes == b->range.bytes &&
           guid_equal(&a->uuid, &b->uuid) && strcmp(a->name, b->name) == 0;
}

static bool same_entry(const struct table_entry *a, const struct table_entry *b)
{
    return same_place(a, b) && guid_equal(&a->type, &b->type) && a->attributes == b->attributes;
}

/* Type and attributes of an entry that stays where it is; its other bytes stay as they are. */
static int change_entry(struct table_stage *stage, const struct table_entry *there,
                        const struct table_entry *wanted, struct err *e)
{
    struct fdisk_label *label = fdisk_get_label(stage->context, "gpt");
    char text[GUID_TEXT];
    int rc = 0;

    if (!guid_equal(&there->type, &wanted->type)) {
        struct fdisk_parttype *type =
            fdisk_label_parse_parttype(label, guid_print(&wanted->type, text));

        rc = type == NULL ? -EINVAL
                          : fdisk_set_partition_type(stage->context, wanted->number - 1, type);
        fdisk_unref_parttype(type);
    }
    if (rc == 0 && there->attributes != wanted->attributes)
        rc = fdisk_gpt_set_partition_attrs(stage->context, wanted->number - 1, wanted->attributes);
    return rc < 0 ? table_fdisk_failed("changing a partition's type", rc, e) : 0;
}

/* Entries that are not wanted, or stand elsewhere now. */
static int delete_others(struct table_stage *stage, const struct table *there,
                         const struct table *wanted, struct err *e)
{
    for (size_t i = 0; i < there->n; i++) {
        const struct table_entry *entry = &there->entries[i];
        const struct table_entry *stays = entry_by_number(wanted, entry->number);
        int rc = 0;

        if (stays == NULL || !same_place(entry, stays))
            rc = fdisk_delete_partition(stage->context, entry->number - 1);
        if (rc < 0)
            return table_fdisk_failed("deleting a partition", rc, e);
    }
    return 0;
}

static int add_or_change(struct table_stage *stage, const struct table *there,
                         const struct table *wanted, struct err *e)
{
    for (size_t i = 0; i < wanted->n; i++) {
        const struct table_entry *entry = &wanted->entries[i];
        const struct table_entry *old = entry_by_number(there, entry->number);
        int result = old != NULL && same_place(old, entry) ? change_entry(stage, old, entry, e)
                                                           : stage_entry(stage, entry, e);

        if (result < 0)
            return -1;
    }
    return 0;
}

/* libfdisk fits what it is given into what it thinks right; berth writes what was asked for, or
 * nothing. */
static int check_stage(struct table_stage *stage, const struct table *wanted, struct err *e)
{
    struct table made = {0};
    int result = read_stage(stage, &made, e);

    if (result == 0 && made.n != wanted->n)
        result = err_set(e, ERR_REFUSED, "the table would not have the partitions it should have");
    for (size_t i = 0; result == 0 && i < wanted->n; i++) {
        const struct table_entry *entry = &wanted->entries[i];
        const struct table_entry *there = entry_by_number(&made, entry->number);

        if (there == NULL || !same_entry(there, entry))
            result = err_set(e, ERR_REFUSED, "the table does not take partition %u (%s) as it is",
                             entry->number, entry->name);
    }
    free(made.entries);
    return result;
}

static int stage_label(struct table_stage *stage, const struct table *wanted, struct err *e)
{
    char text[GUID_TEXT];
    int rc = 0;

    if (!fdisk_is_label(stage->context, GPT))
        rc = fdisk_create_disklabel(stage->context, "gpt");
    if (rc == 0)
        rc = fdisk_set_disklabel_id_from_string(stage->context, guid_print(&wanted->uuid, text));
    return rc < 0 ? table_fdisk_failed("making the partition table", rc, e) : 0;
}

/* Makes the stage's label say what the table says; entries that do not change keep every byte. */
static int stage_table(struct table_stage *stage, const struct table *table, struct err *e)
{
    struct table there = {0};
    int result = stage_label(stage, table, e), rc;

    if (result == 0)
        result = read_stage(stage, &there, e);
    if (result == 0)
        result = delete_others(stage, &there, table, e);
    if (result == 0)
        result = add_or_change(stage, &there, table, e);
    free(there.entries);
    if (result < 0 || check_stage(stage, table, e) < 0)
        return -1;
    rc = fdisk_write_disklabel(stage->context);
    return rc < 0 ? table_fdisk_failed("making the partition table", rc, e) : 0;
}

/* Where the header in sector lba of the stage has its entries. */
static int header_entries(struct table_stage *stage, uint64_t lba, struct extent *entries,
                          struct err *e)
{
    struct gpt_header header;

    if (blockdev_pread(stage->bd, &header, sizeof(header), lba * stage->bd->sector, e) < 0)
        return -1;
    entries->start = header.entries_lba * stage->bd->sector;
    entries->bytes = round_up((uint64_t)header.n_entries * header.entry_bytes, stage->bd->sector);
    return 0;
}

/* One copy: its entries, then the header that makes them count. */
static int write_copy(struct table_stage *stage, struct blockdev *bd, uint64_t lba, struct err *e)
{
    struct extent entries, header = {lba * bd->sector, bd->sector};

    if (header_entries(stage, lba, &entries, e) < 0 ||
        table_copy_range(stage->bd, bd, entries, e) < 0 ||
        table_copy_range(stage->bd, bd, header, e) < 0)
        return -1;
    return 0;
}

/* Sector 0 with the stage's partition entries and signature, and the disk's own boot code. Flushed
 * at once: without it nobody looks for a GPT, and a torn primary would look like somebody's data.
 */
static int write_protective_mbr(struct table_stage *stage, struct blockdev *bd, struct err *e)
{
    uint8_t made[4096], there[4096];

    if (blockdev_pread(stage->bd, made, bd->sector, 0, e) < 0 ||
        blockdev_pread(bd, there, bd->sector, 0, e) < 0)
        return -1;
    if (memcmp(made + 440, there + 440, 512 - 440) == 0)
        return 0;
    memcpy(made, there, 440);
    return blockdev_pwrite(bd, made, bd->sector, 0, e) < 0 ? -1 : blockdev_flush(bd, e);
}

int table_write(struct blockdev *bd, const struct table *table, struct err *e)
{
    _cleanup_table_stage_ struct table_stage stage = {0};

    if (table_stage_open(&stage, bd, e) < 0 || stage_table(&stage, table, e) < 0 ||
        write_copy(&stage, bd, bd->bytes / bd->sector - 1, e) < 0 || blockdev_flush(bd, e) < 0 ||
        write_protective_mbr(&stage, bd, e) < 0 || write_copy(&stage, bd, 1, e) < 0 ||
        blockdev_flush(bd, e) < 0)
        return err_wrap(e, "writing the partition table of %s", bd->name);
    return 0;
}
