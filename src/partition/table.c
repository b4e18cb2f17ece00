// SPDX-License-Identifier: GPL-3.0-or-later
/* table.c: the partition table as plain data. */
#include "partition/table.h"

#include <stdlib.h>
#include <string.h>

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
