// SPDX-License-Identifier: GPL-3.0-or-later
/* damage.c: what is known of each kind of damage, and lists of them. */
#include "model/survey.h"

#include <stdlib.h>

static const struct {
    const char *name;
    bool forbids, mends;
} rows[] = {
#define DAMAGE(kind, name, forbids, mends, text) [DAMAGE_##kind] = {name, forbids, mends},
#include "model/damage.def"
#undef DAMAGE
};

const char *damage_name(enum damage_kind kind)
{
    return rows[kind].name;
}

bool damage_forbids(enum damage_kind kind)
{
    return rows[kind].forbids;
}

bool damage_mends(enum damage_kind kind)
{
    return rows[kind].mends;
}

bool damage_is_of_chain(enum damage_kind kind)
{
    return kind == DAMAGE_EBR_LOOP || kind == DAMAGE_EBR_LOST || kind == DAMAGE_EBR_DAMAGED;
}

const struct damage *damage_worst(const struct damage *damage, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (damage_forbids(damage[i].kind))
            return &damage[i];
    return NULL;
}

void damage_free(struct damage *damage, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(damage[i].text);
    free(damage);
}
