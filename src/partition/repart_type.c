// SPDX-License-Identifier: GPL-3.0-or-later
/* repart_type.c: partition types by the names of repart.d(5). */
#include "partition/repart.h"

#include <stdio.h>
#include <string.h>

#define KNOWS_NO_AUTO REPART_KNOWS_NO_AUTO
#define VERITY        (REPART_KNOWS_READ_ONLY | REPART_KNOWS_NO_AUTO)
#define ALL           (VERITY | REPART_KNOWS_GROW_FS)

static const struct row {
    const char *name, *guid;
    unsigned knows;
} rows[] = {
#define ROW(name, guid, knows) {name, guid, knows},
#include "partition/discoverable.def"
#undef ROW
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

int repart_guid_parse(const char *text, struct guid *guid)
{
    char dashed[GUID_TEXT];
    struct err ignored;

    if (strlen(text) == 32) {
        snprintf(dashed, sizeof(dashed), "%.8s-%.4s-%.4s-%.4s-%.12s", text, text + 8, text + 12,
                 text + 16, text + 20);
        text = dashed;
    }
    return guid_parse(text, guid, &ignored);
}

int repart_type_parse(const char *text, struct guid *type, struct err *e)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].name, text) == 0)
            return guid_parse(rows[i].guid, type, e);
    if (repart_guid_parse(text, type) == 0 && !guid_is_zero(type))
        return 0;
    return err_set(e, ERR_SYNTAX,
                   "found \"%s\", expected a type such as root, esp, linux-generic or a GUID",
                   text);
}

static const struct row *row_of(const struct guid *type)
{
    char text[GUID_TEXT];

    guid_print(type, text);
    for (size_t i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].guid, text) == 0)
            return &rows[i];
    return NULL;
}

const char *repart_type_name(const struct guid *type)
{
    const struct row *row = row_of(type);

    return row == NULL ? NULL : row->name;
}

unsigned repart_type_knows(const struct guid *type)
{
    const struct row *row = row_of(type);

    return row == NULL ? 0 : row->knows;
}

bool repart_type_is_verity(const struct guid *type)
{
    return repart_type_knows(type) == VERITY;
}
