// SPDX-License-Identifier: GPL-3.0-or-later
/* table_stage.c: libfdisk works on a sparse stage with the disk's first and last megabyte, and what
 * it knows of the label becomes plain data. */
#include "partition/table_stage.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

#define EDGE MIB /* how much of the disk's head and tail is copied to the stage */

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

int table_copy_range(struct blockdev *from, struct blockdev *to, struct extent range, struct err *e)
{
    _cleanup_free_ void *buf = malloc((size_t)range.bytes);

    if (buf == NULL)
        return err_no_memory(e);
    if (blockdev_pread(from, buf, (size_t)range.bytes, range.start, e) < 0 ||
        blockdev_pwrite(to, buf, (size_t)range.bytes, range.start, e) < 0)
        return -1;
    return 0;
}

void table_stage_close(struct table_stage *stage)
{
    if (stage->assigned)
        fdisk_deassign_device(stage->context, 1);
    fdisk_unref_context(stage->context);
    blockdev_close(stage->bd);
}

int table_fdisk_failed(const char *what, int rc, struct err *e)
{
    return err_set(e, ERR_FAILED, "%s: %s", what, strerror(-rc));
}

int table_stage_open(struct table_stage *stage, struct blockdev *bd, struct err *e)
{
    struct extent head, tail, none = {0, 0};
    uint64_t start;
    int fd, rc;

    *stage = (struct table_stage){.bd = mem_open(bd->bytes, bd->sector, e)};
    if (stage->bd == NULL || blockdev_fd_extent(stage->bd, none, &fd, &start, e) < 0)
        return -1;
    table_ranges(bd, &head, &tail);
    if (table_copy_range(bd, stage->bd, head, e) < 0 ||
        table_copy_range(bd, stage->bd, tail, e) < 0)
        return -1;
    stage->context = fdisk_new_context();
    if (stage->context == NULL)
        return err_no_memory(e);
    fdisk_set_ask(stage->context, quiet, NULL);
    fdisk_save_user_sector_size(stage->context, bd->sector, bd->sector);
    fdisk_save_user_grain(stage->context, MIB);
    rc = fdisk_assign_device_by_fd(stage->context, fd, "the stage", 0);
    stage->assigned = rc == 0;
    return rc < 0 ? table_fdisk_failed("reading the partition table", rc, e) : 0;
}

static int parse_guid_or_zero(const char *text, struct guid *guid)
{
    struct err ignored;

    if (text == NULL || guid_parse(text, guid, &ignored) < 0)
        *guid = (struct guid){0};
    return 0;
}

/* A range that no disk can have becomes one of no bytes, which table_problem names. */
static struct extent range_of(struct fdisk_partition *p, unsigned sector)
{
    struct extent range, none = {0, 0};

    if (__builtin_mul_overflow(fdisk_partition_get_start(p), sector, &range.start) ||
        __builtin_mul_overflow(fdisk_partition_get_size(p), sector, &range.bytes) ||
        range.start + range.bytes < range.start)
        return none;
    return range;
}

static int read_entry(struct table_stage *stage, struct fdisk_partition *p, struct table *table,
                      struct err *e)
{
    struct fdisk_parttype *type = fdisk_partition_get_type(p);
    const char *name = fdisk_partition_get_name(p);
    struct table_entry entry = {.number = (unsigned)fdisk_partition_get_partno(p) + 1,
                                .range = range_of(p, stage->bd->sector)};

    parse_guid_or_zero(fdisk_partition_get_uuid(p), &entry.uuid);
    parse_guid_or_zero(type != NULL ? fdisk_parttype_get_string(type) : NULL, &entry.type);
    if (table->kind == TABLE_GPT)
        fdisk_gpt_get_partition_attrs(stage->context, fdisk_partition_get_partno(p),
                                      &entry.attributes);
    snprintf(entry.name, sizeof(entry.name), "%s", name != NULL ? name : "");
    return table_insert(table, &entry, e);
}

static int read_entries(struct table_stage *stage, struct table *table, struct err *e)
{
    struct fdisk_table *list = NULL;
    struct fdisk_iter *iter = fdisk_new_iter(FDISK_ITER_FORWARD);
    struct fdisk_partition *p;
    int rc = fdisk_get_partitions(stage->context, &list), result = 0;

    if (iter == NULL || rc < 0)
        result = table_fdisk_failed("listing partitions", iter == NULL ? -ENOMEM : rc, e);
    while (result == 0 && fdisk_table_next_partition(list, iter, &p) == 0)
        if (fdisk_partition_has_partno(p) && fdisk_partition_has_start(p) &&
            fdisk_partition_has_size(p))
            result = read_entry(stage, p, table, e);
    fdisk_free_iter(iter);
    fdisk_unref_table(list);
    return result;
}

/* What a freshly made or read label says of itself. */
int table_stage_read(struct table_stage *stage, struct table *table, struct err *e)
{
    uint64_t sector = stage->bd->sector;
    uint64_t first = fdisk_get_first_lba(stage->context), last = fdisk_get_last_lba(stage->context);
    char *id = NULL;

    table->usable = (struct extent){first * sector, (last - first + 1) * sector};
    if (fdisk_get_disklabel_id(stage->context, &id) == 0)
        parse_guid_or_zero(id, &table->uuid);
    free(id);
    return read_entries(stage, table, e);
}
