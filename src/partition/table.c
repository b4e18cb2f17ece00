// SPDX-License-Identifier: GPL-3.0-or-later
/* table.c: reads the partition table of a disk, and edits it as plain data. */
#include "partition/table.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/table_stage.h"

#include <string.h>

static struct table *table_alloc(enum table_kind kind, struct err *e)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        err_no_memory(e);
    else
        table->kind = kind;
    return table;
}

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

static int by_number(const void *a, const void *b)
{
    const struct table_entry *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
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
    qsort(table->entries, table->n, sizeof(*table->entries), by_number);
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
