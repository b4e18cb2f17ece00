// SPDX-License-Identifier: GPL-3.0-or-later
/* change_match.c: partitions that nobody names. Pure. */
#include "flow/change_parts.h"

#include <string.h>

int change_keep_missing(const struct table *there, struct table *wanted, size_t *kept,
                        struct err *e)
{
    *kept = 0;
    for (size_t i = 0; i < there->n; i++) {
        const struct table_entry *entry = &there->entries[i];

        if (table_same_entry(wanted, there, entry) != NULL)
            continue;
        if (wanted->kind != there->kind || table_entry_by_number(wanted, entry->number) != NULL) {
            err_set(e, ERR_REFUSED, "%s is not in what is wanted",
                    table_title(entry->number, entry->name).text);
            return err_hint(e, "--prune deletes what is not wanted");
        }
        if (table_insert(wanted, entry, e) < 0)
            return -1;
        (*kept)++;
    }
    return 0;
}
