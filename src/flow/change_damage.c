// SPDX-License-Identifier: GPL-3.0-or-later
/* change_damage.c: which damage of a table forbids a change, and the way out of it. Pure. */
#include "flow/change.h"

/* What single partitions have, and lose with a new GUID or by being deleted. A disk that became
 * smaller is right again when the partitions past its end are gone. */
static bool is_curable(enum damage_kind kind)
{
    return kind == DAMAGE_DUPLICATE_GUID || kind == DAMAGE_OUT_OF_RANGE ||
           kind == DAMAGE_DISK_SMALLER;
}

static bool all_curable(const struct table *table)
{
    for (size_t i = 0; i < table->n_damage; i++)
        if (damage_forbids(table->damage[i].kind) && !is_curable(table->damage[i].kind))
            return false;
    return true;
}

/* A disk that is too small has no partition to name: the first one past its end is. */
static const struct damage *worst_to_cure(const struct damage *damage, size_t n)
{
    const struct damage *worst = damage_worst(damage, n);

    for (size_t i = 0; worst != NULL && worst->kind == DAMAGE_DISK_SMALLER && i < n; i++)
        if (damage[i].kind == DAMAGE_OUT_OF_RANGE)
            return &damage[i];
    return worst;
}

int change_hint_damage(const struct damage *damage, size_t n, const char *path, struct err *e)
{
    const struct damage *worst = worst_to_cure(damage, n);

    switch (worst != NULL ? worst->kind : DAMAGE_BOTH_COPIES) {
    case DAMAGE_DUPLICATE_GUID:
        return err_hint(e, "berth part set %s %u --uuid new gives it a GUID of its own", path,
                        worst->number);
    case DAMAGE_OUT_OF_RANGE:
        return err_hint(e, "berth part rm %s %u takes it out of the table", path, worst->number);
    case DAMAGE_HYBRID:
    case DAMAGE_HYBRID_OUT_OF_STEP:
        return err_hint(e, "berth reads a hybrid MBR and does not change it; gdisk makes a "
                           "protective one of it: x, then n, then w");
    default:
        return err_hint(e, "this is not mended without guessing: `berth disk backup` it before "
                           "you try anything");
    }
}

int change_check_damage(const struct table *there, const struct change_options *options,
                        const char *path, struct err *e)
{
    const struct damage *damage = table_problem(there);

    if (damage == NULL || options->replaces || options->takes_back ||
        (options->cures && all_curable(there)))
        return 0;
    err_set(e, ERR_REFUSED, "%s", damage->text);
    return change_hint_damage(there->damage, there->n_damage, path, e);
}
