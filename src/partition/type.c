// SPDX-License-Identifier: GPL-3.0-or-later
/* type.c: looks partition types up. */
#include "partition/type.h"

#include <stddef.h>
#include <string.h>

#define NO_AUTO PARTITION_NO_AUTO

static const struct {
    const char *name, *guid, *long_name;
    uint64_t attributes;
} rows[] = {
#define TYPE(name, guid, attributes, long_name) {name, guid, long_name, attributes},
#include "partition/type.def"
#undef TYPE
};

#define N_TYPES (sizeof(rows) / sizeof(rows[0]))

/* The table with its GUIDs parsed, once. */
static const struct partition_type *types(void)
{
    static struct partition_type parsed[N_TYPES];
    struct err never;

    for (size_t i = 0; parsed[N_TYPES - 1].name == NULL && i < N_TYPES; i++) {
        guid_parse(rows[i].guid, &parsed[i].guid, &never);
        parsed[i].attributes = rows[i].attributes;
        parsed[i].long_name = rows[i].long_name;
        parsed[i].name = rows[i].name;
    }
    return parsed;
}

const struct partition_type *partition_type(const char *name)
{
    const struct partition_type *all = types();

    for (size_t i = 0; i < N_TYPES; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

const struct partition_type *partition_type_of(const struct guid *guid)
{
    const struct partition_type *all = types();

    for (size_t i = 0; i < N_TYPES; i++)
        if (guid_equal(&all[i].guid, guid))
            return &all[i];
    return NULL;
}

bool partition_type_is(const struct guid *guid, const char *name)
{
    const struct partition_type *type = partition_type_of(guid);

    return type != NULL && strcmp(type->name, name) == 0;
}
