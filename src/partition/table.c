// SPDX-License-Identifier: GPL-3.0-or-later
/* table.c: the partition table between libfdisk on a stage and the disk. */
#include "partition/table.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"

#include <libfdisk.h>
#include <string.h>

#define EDGE MIB /* how much of the disk's head and tail is copied to the stage */

/* A memfd of the disk's size with its head and tail, and libfdisk on it. */
struct stage {
    struct blockdev *bd;
    struct fdisk_context *context;
};

static int quiet(struct fdisk_context *context, struct fdisk_ask *ask, void *data)
{
    (void)context;
    (void)data;
    return fdisk_is_ask(ask, YESNO) ? fdisk_ask_yesno_set_result(ask, 1) : 0;
}

void table_ranges(const struct blockdev *bd, struct extent *head, struct extent *tail)
{
    uint64_t edge = bd->bytes < 2 * EDGE ? round_down(bd->bytes / 2, bd->sector) : EDGE;

    *head = (struct extent){0, edge};
    *tail = (struct extent){bd->bytes - edge, edge};
}

static int copy_range(struct blockdev *from, struct blockdev *to, struct extent range,
                      struct err *e)
{
    _cleanup_free_ void *buf = malloc((size_t)range.bytes);

    if (buf == NULL)
        return err_no_memory(e);
    if (blockdev_pread(from, buf, (size_t)range.bytes, range.start, e) < 0 ||
        blockdev_pwrite(to, buf, (size_t)range.bytes, range.start, e) < 0)
        return -1;
    return 0;
}

static void stage_close(struct stage *stage)
{
    if (stage->context != NULL) {
        fdisk_deassign_device(stage->context, 1);
        fdisk_unref_context(stage->context);
    }
    blockdev_close(stage->bd);
}

static int fdisk_failed(const char *what, int rc, struct err *e)
{
    return err_set(e, ERR_FAILED, "%s: %s", what, strerror(-rc));
}

static int stage_open(struct stage *stage, struct blockdev *bd, struct err *e)
{
    struct extent head, tail, none = {0, 0};
    uint64_t start;
    int fd, rc;

    *stage = (struct stage){.bd = mem_open(bd->bytes, bd->sector, e)};
    if (stage->bd == NULL || blockdev_fd_extent(stage->bd, none, &fd, &start, e) < 0)
        return -1;
    table_ranges(bd, &head, &tail);
    if (copy_range(bd, stage->bd, head, e) < 0 || copy_range(bd, stage->bd, tail, e) < 0)
        return -1;
    stage->context = fdisk_new_context();
    if (stage->context == NULL)
        return err_no_memory(e);
    fdisk_set_ask(stage->context, quiet, NULL);
    fdisk_save_user_sector_size(stage->context, bd->sector, bd->sector);
    fdisk_save_user_grain(stage->context, MIB);
    rc = fdisk_assign_device_by_fd(stage->context, fd, "the stage", 0);
    return rc < 0 ? fdisk_failed("reading the partition table", rc, e) : 0;
}

#define _cleanup_stage_ __attribute__((cleanup(stage_close)))

static struct table_entry *append(struct table *table, struct err *e)
{
    struct table_entry *grown = realloc(table->entries, (table->n + 1) * sizeof(*table->entries));

    if (grown == NULL) {
        err_no_memory(e);
        return NULL;
    }
    table->entries = grown;
    grown[table->n] = (struct table_entry){0};
    return &grown[table->n++];
}

static int parse_guid_or_zero(const char *text, struct guid *guid)
{
    struct err ignored;

    if (text == NULL || guid_parse(text, guid, &ignored) < 0)
        *guid = (struct guid){0};
    return 0;
}

static int read_entry(struct stage *stage, struct fdisk_partition *p, struct table *table,
                      struct err *e)
{
    struct table_entry *entry = append(table, e);
    struct fdisk_parttype *type = fdisk_partition_get_type(p);
    const char *name = fdisk_partition_get_name(p);

    if (entry == NULL)
        return -1;
    entry->number = (unsigned)fdisk_partition_get_partno(p) + 1;
    entry->range.start = fdisk_partition_get_start(p) * stage->bd->sector;
    entry->range.bytes = fdisk_partition_get_size(p) * stage->bd->sector;
    parse_guid_or_zero(fdisk_partition_get_uuid(p), &entry->uuid);
    parse_guid_or_zero(type != NULL ? fdisk_parttype_get_string(type) : NULL, &entry->type);
    if (table->kind == TABLE_GPT)
        fdisk_gpt_get_partition_attrs(stage->context, fdisk_partition_get_partno(p),
                                      &entry->attributes);
    snprintf(entry->name, sizeof(entry->name), "%s", name != NULL ? name : "");
    return 0;
}

static int read_entries(struct stage *stage, struct table *table, struct err *e)
{
    struct fdisk_table *list = NULL;
    struct fdisk_iter *iter = fdisk_new_iter(FDISK_ITER_FORWARD);
    struct fdisk_partition *p;
    int rc = fdisk_get_partitions(stage->context, &list), result = 0;

    if (iter == NULL || rc < 0)
        result = fdisk_failed("listing partitions", iter == NULL ? -ENOMEM : rc, e);
    while (result == 0 && fdisk_table_next_partition(list, iter, &p) == 0)
        if (fdisk_partition_has_partno(p) && fdisk_partition_has_start(p) &&
            fdisk_partition_has_size(p))
            result = read_entry(stage, p, table, e);
    fdisk_free_iter(iter);
    fdisk_unref_table(list);
    return result;
}

static int by_number(const void *a, const void *b)
{
    const struct table_entry *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static void sort_entries(struct table *table)
{
    if (table->n > 0)
        qsort(table->entries, table->n, sizeof(*table->entries), by_number);
}

/* What a freshly made or read label says of itself. */
static int read_label(struct stage *stage, struct table *table, struct err *e)
{
    uint64_t sector = stage->bd->sector;
    uint64_t first = fdisk_get_first_lba(stage->context), last = fdisk_get_last_lba(stage->context);
    char *id = NULL;

    table->usable = (struct extent){first * sector, (last - first + 1) * sector};
    if (fdisk_get_disklabel_id(stage->context, &id) == 0)
        parse_guid_or_zero(id, &table->uuid);
    free(id);
    if (read_entries(stage, table, e) < 0)
        return -1;
    sort_entries(table);
    return 0;
}

static struct table *table_alloc(enum table_kind kind, struct err *e)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        err_no_memory(e);
    else
        table->kind = kind;
    return table;
}

struct table *table_read(struct blockdev *bd, struct err *e)
{
    _cleanup_stage_ struct stage stage = {0};
    _cleanup_table_ struct table *table = table_alloc(TABLE_NONE, e);
    struct gpt_state state;

    if (table == NULL || bd->bytes < 64 * KIB)
        return steal(table);
    if (stage_open(&stage, bd, e) < 0)
        return NULL;
    if (fdisk_is_label(stage.context, GPT)) {
        table->kind = TABLE_GPT;
        if (gpt_check(bd, &state, e) < 0)
            return NULL;
        table->copies_differ = !state.same;
    } else if (fdisk_is_label(stage.context, DOS)) {
        table->kind = TABLE_MBR;
    } else {
        return steal(table);
    }
    return read_label(&stage, table, e) < 0 ? NULL : steal(table);
}

struct table *table_new(struct blockdev *bd, const struct guid *uuid, struct err *e)
{
    _cleanup_stage_ struct stage stage = {0};
    _cleanup_table_ struct table *table = table_alloc(TABLE_GPT, e);
    int rc;

    if (table == NULL || stage_open(&stage, bd, e) < 0)
        return NULL;
    rc = fdisk_create_disklabel(stage.context, "gpt");
    if (rc < 0) {
        fdisk_failed("making a partition table", rc, e);
        return NULL;
    }
    if (read_label(&stage, table, e) < 0)
        return NULL;
    table->uuid = *uuid;
    return steal(table);
}

unsigned table_free_number(const struct table *table)
{
    unsigned number = 1;

    for (size_t i = 0; i < table->n && table->entries[i].number <= number; i++)
        number = table->entries[i].number + 1;
    return number;
}

int table_insert(struct table *table, const struct table_entry *entry, struct err *e)
{
    struct table_entry *room = append(table, e);

    if (room == NULL)
        return -1;
    *room = *entry;
    sort_entries(table);
    return 0;
}

void table_remove(struct table *table, unsigned number)
{
    for (size_t i = 0; i < table->n; i++) {
        if (table->entries[i].number == number) {
            memmove(&table->entries[i], &table->entries[i + 1],
                    (table->n - i - 1) * sizeof(*table->entries));
            table->n--;
            return;
        }
    }
}

struct table_entry *table_entry_by_uuid(struct table *table, const struct guid *uuid)
{
    for (size_t i = 0; i < table->n; i++)
        if (guid_equal(&table->entries[i].uuid, uuid))
            return &table->entries[i];
    return NULL;
}

void table_free(struct table *table)
{
    if (table != NULL)
        free(table->entries);
    free(table);
}

void table_cleanup(struct table **table)
{
    table_free(*table);
}

/* ---- writing ---- */

/* The entry for libfdisk; the caller drops the reference. */
static struct fdisk_partition *to_fdisk(struct stage *stage, const struct table_entry *entry)
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

static int stage_entry(struct stage *stage, const struct table_entry *entry, struct err *e)
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

/* Makes the stage's label say what the table says. */
static int stage_table(struct stage *stage, const struct table *table, struct err *e)
{
    char text[GUID_TEXT];
    int rc = 0;

    if (!fdisk_is_label(stage->context, GPT))
        rc = fdisk_create_disklabel(stage->context, "gpt");
    if (rc == 0)
        rc = fdisk_delete_all_partitions(stage->context);
    if (rc == 0)
        rc = fdisk_set_disklabel_id_from_string(stage->context, guid_print(&table->uuid, text));
    if (rc < 0)
        return fdisk_failed("making the partition table", rc, e);
    for (size_t i = 0; i < table->n; i++)
        if (stage_entry(stage, &table->entries[i], e) < 0)
            return -1;
    rc = fdisk_write_disklabel(stage->context);
    return rc < 0 ? fdisk_failed("making the partition table", rc, e) : 0;
}

/* Where the header in sector lba of the stage has its entries. */
static int header_entries(struct stage *stage, uint64_t lba, struct extent *entries, struct err *e)
{
    struct gpt_header header;

    if (blockdev_pread(stage->bd, &header, sizeof(header), lba * stage->bd->sector, e) < 0)
        return -1;
    entries->start = header.entries_lba * stage->bd->sector;
    entries->bytes = round_up((uint64_t)header.n_entries * header.entry_bytes, stage->bd->sector);
    return 0;
}

/* One copy: its entries, then the header that makes them count. */
static int write_copy(struct stage *stage, struct blockdev *bd, uint64_t lba, struct err *e)
{
    struct extent entries, header = {lba * bd->sector, bd->sector};

    if (header_entries(stage, lba, &entries, e) < 0 || copy_range(stage->bd, bd, entries, e) < 0 ||
        copy_range(stage->bd, bd, header, e) < 0)
        return -1;
    return 0;
}

/* Sector 0 with the stage's partition entries and signature, and the disk's own boot code. Flushed
 * at once: without it nobody looks for a GPT, and a torn primary would look like somebody's data.
 */
static int write_protective_mbr(struct stage *stage, struct blockdev *bd, struct err *e)
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
    _cleanup_stage_ struct stage stage = {0};

    if (stage_open(&stage, bd, e) < 0 || stage_table(&stage, table, e) < 0 ||
        write_copy(&stage, bd, bd->bytes / bd->sector - 1, e) < 0 || blockdev_flush(bd, e) < 0 ||
        write_protective_mbr(&stage, bd, e) < 0 || write_copy(&stage, bd, 1, e) < 0 ||
        blockdev_flush(bd, e) < 0)
        return err_wrap(e, "writing the partition table of %s", bd->name);
    return 0;
}
