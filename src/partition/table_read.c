// SPDX-License-Identifier: GPL-3.0-or-later
/* table_read.c: what a disk's table says, or what a new one would. */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/table_stage.h"

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
    _cleanup_table_stage_ struct table_stage stage = {0};
    _cleanup_table_ struct table *table = table_alloc(TABLE_NONE, e);
    struct gpt_state state;

    if (table == NULL || bd->bytes < 64 * KIB)
        return steal(table);
    if (table_stage_open(&stage, bd, e) < 0)
        return NULL;
    if (fdisk_is_label(stage.context, GPT)) {
        table->kind = TABLE_GPT;
        if (gpt_check(bd, &state, e) < 0)
            return NULL;
        table->copies_differ = !state.same;
        table->last_usable = state.last_usable;
    } else if (fdisk_is_label(stage.context, DOS)) {
        table->kind = TABLE_MBR;
    } else {
        return steal(table);
    }
    return table_stage_read(&stage, table, e) < 0 ? NULL : steal(table);
}

struct table *table_new(struct blockdev *bd, const struct guid *uuid, struct err *e)
{
    _cleanup_table_stage_ struct table_stage stage = {0};
    _cleanup_table_ struct table *table = table_alloc(TABLE_GPT, e);
    int rc;

    if (table == NULL || table_stage_open(&stage, bd, e) < 0)
        return NULL;
    rc = fdisk_create_disklabel(stage.context, "gpt");
    if (rc < 0) {
        table_fdisk_failed("making a partition table", rc, e);
        return NULL;
    }
    if (table_stage_read(&stage, table, e) < 0)
        return NULL;
    table->uuid = *uuid;
    return steal(table);
}
