// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * edit_extended.c: the extended partition of an MBR, which is no entry but the frame of the logical
 * ones. Pure. Its start stays: the first boot record is there, and the whole chain counts from it.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/edit_parts.h"
#include "partition/mbr.h"

#include <string.h>

bool edit_is_extended(const struct edit *edit, const struct table *there)
{
    return there->kind == TABLE_MBR && there->extended.range.bytes != 0 &&
           number_parse(edit->part) == there->extended.number;
}

/* "5, 6"; empty when there are none. */
static char *logical_numbers(const struct table *table, struct err *e)
{
    char *list = io_format(e, "%s", "");

    for (size_t i = 0; list != NULL && i < table->n; i++) {
        char *longer;

        if (table->entries[i].number < MBR_FIRST)
            continue;
        longer = io_format(e, "%s%s%u", list, *list != '\0' ? ", " : "", table->entries[i].number);
        free(list);
        list = longer;
    }
    return list;
}

int edit_refuse_extended(const struct edit *edit, const struct table *there, const char *what,
                         struct err *e)
{
    _cleanup_free_ char *numbers = logical_numbers(there, e);

    if (numbers == NULL)
        return -1;
    if (*numbers == '\0') {
        err_set(e, ERR_REFUSED, "partition %s is the extended one, which %s", edit->part, what);
        return err_hint(e, "it is empty: berth part rm deletes it");
    }
    err_set(e, ERR_REFUSED,
            "partition %s is the extended one, which %s: it holds the logical partition%s %s",
            edit->part, what, strchr(numbers, ',') != NULL ? "s" : "", numbers);
    return err_hint(e, "name one of those");
}

/* It goes by its number, when it is empty. */
int edit_rm_extended(const struct edit *edit, struct wanted *wanted, struct err *e)
{
    struct table *table = wanted->table;

    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].number >= MBR_FIRST) {
            err_set(e, ERR_REFUSED, "partition %s is the extended one, and holds logical ones",
                    edit->part);
            return err_hint(e, "delete those first");
        }
    table_remove(table, table->extended.number);
    return 0;
}

int edit_set_extended(const struct edit *edit, struct wanted *wanted, struct err *e)
{
    struct table_entry entry = {.number = wanted->table->extended.number};

    if (edit->name != NULL && edit_set_name(edit->name, TABLE_MBR, &entry, e) < 0)
        return -1;
    if (edit->uuid != NULL || edit->attributes != NULL || edit->active || edit->inactive)
        return err_set(e, ERR_UNSUPPORTED,
                       "partition %s is the extended one: only its type can be "
                       "set",
                       edit->part);
    if (edit->type == NULL)
        return 0;
    if (edit_set_type(edit->type, TABLE_MBR, &entry, e) < 0)
        return -1;
    if (!mbr_is_extended(entry.code)) {
        err_set(e, ERR_REFUSED, "--type %s: partition %s is the extended one, and not of that type",
                edit->type, edit->part);
        return err_hint(e, "its type can be 05, 0f or 85");
    }
    wanted->table->extended.code = entry.code;
    return 0;
}

/* Up to where its last logical partition, or the first boot record, needs it. */
static uint64_t needed_bytes(const struct table *table, unsigned sector, unsigned *last)
{
    uint64_t end = table->extended.range.start + sector;

    *last = 0;
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];

        if (entry->number < MBR_FIRST)
            continue;
        if (extent_end(&entry->range) > end) {
            end = extent_end(&entry->range);
            *last = entry->number;
        }
        if (entry->ebr != 0 && entry->ebr + sector > end)
            end = entry->ebr + sector;
    }
    return end - table->extended.range.start;
}

int edit_resize_extended(const struct edit *edit, const struct blockdev *bd, struct wanted *wanted,
                         struct err *e)
{
    struct table *table = wanted->table;
    struct table_entry frame = {.number = table->extended.number, .range = table->extended.range};
    char size[SIZE_TEXT], least[SIZE_TEXT];
    uint64_t needed;
    unsigned last;

    needed = needed_bytes(table, bd->sector, &last);
    if (edit_new_size(edit, bd, table, &frame, e) < 0)
        return -1;
    if (frame.range.bytes >= needed) {
        table->extended.range.bytes = frame.range.bytes;
        return 0;
    }
    size_exact(frame.range.bytes, size, sizeof(size));
    size_exact(needed, least, sizeof(least));
    err_set(e, ERR_NO_SPACE,
            "partition %u, the extended one, cannot be shrunk to %s: its logical "
            "partition %u ends behind that",
            frame.number, size, last);
    return err_hint(e, "--size %s reaches to the end of that one", least);
}
