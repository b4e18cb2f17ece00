// SPDX-License-Identifier: GPL-3.0-or-later
/* change_damage.c: which damage of a table forbids a change, and the way out of it. Pure. */
#include "core/shell.h"
#include "flow/change.h"

/* What single partitions have, and lose with a new GUID or by being deleted: so does a chain end
 * before a partition whose boot record is none. A disk that became smaller is right again when the
 * partitions past its end are gone. */
static bool is_curable(enum damage_kind kind)
{
    return kind == DAMAGE_DUPLICATE_GUID || kind == DAMAGE_OUT_OF_RANGE ||
           kind == DAMAGE_DISK_SMALLER || kind == DAMAGE_OVERLAP || kind == DAMAGE_EBR_INSIDE ||
           damage_is_of_chain(kind);
}

/* Whatever else is changed in a chain that ends early, what it no longer leads to is given up. So
 * its cure comes first. */
static size_t count_of_chain(const struct table *table)
{
    size_t n = 0;

    for (size_t i = 0; i < table->n_damage; i++)
        n += damage_is_of_chain(table->damage[i].kind);
    return n;
}

static bool has_kind(const struct damage *damage, size_t n, enum damage_kind kind)
{
    for (size_t i = 0; i < n; i++)
        if (damage[i].kind == kind)
            return true;
    return false;
}

/* What the way out is about: the worst that no cure of a single partition reaches, else a chain of
 * boot records, else the first partition that has to be cured. A disk that became smaller names
 * none itself. */
static const struct damage *what_to_cure(const struct damage *damage, size_t n)
{
    const struct damage *first = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!damage_forbids(damage[i].kind))
            continue;
        if (!is_curable(damage[i].kind))
            return &damage[i];
        if (first == NULL || first->kind == DAMAGE_DISK_SMALLER ||
            (damage_is_of_chain(damage[i].kind) && !damage_is_of_chain(first->kind)))
            first = &damage[i];
    }
    return first;
}

/* number: of an MBR's record for the GPT, 0 where sector 0 has nothing else. */
static int hint_headers_gone(unsigned number, const char *path, struct err *e)
{
    static const char keep[] = "keep a copy of the disk; `berth disk restore` puts back what `disk "
                               "backup` kept";

    return number == 0 ? err_hint(e, "%s", keep)
                       : err_hint(e,
                                  "%s; where there never was a GPT, `sfdisk --delete %s %u` takes "
                                  "that record away",
                                  keep, path, number);
}

int change_hint_damage(const struct damage *damage, size_t n, const char *disk, struct err *e)
{
    const struct shell_word word = shell_quote(disk);
    const char *path = word.text;
    const struct damage *cured = what_to_cure(damage, n);

    if (cured == NULL && has_kind(damage, n, DAMAGE_GPT_BESIDE))
        return err_hint(e,
                        "where the GPT is the right one, `gdisk %s`, then 2, w, makes it the "
                        "disk's; where the MBR is, nothing need be done",
                        path);
    switch (cured != NULL ? cured->kind : DAMAGE_BOTH_COPIES) {
    case DAMAGE_DUPLICATE_GUID:
        return err_hint(e, "`berth part set %s %u --uuid new` gives it a GUID of its own", path,
                        cured->number);
    case DAMAGE_OUT_OF_RANGE:
        return err_hint(e, "%s`berth part rm %s %u` takes it out of the table",
                        has_kind(damage, n, DAMAGE_DISK_SMALLER)
                            ? "make the disk as large as it was, or: "
                            : "",
                        path, cured->number);
    case DAMAGE_OVERLAP:
    case DAMAGE_EBR_INSIDE:
        return err_hint(
            e,
            "`berth disk restore %s FILE` puts back what `disk backup` kept; else `berth "
            "part rm %s %u`, or the other one, takes one out of the table, and no byte "
            "of it is written",
            path, path, cured->number);
    case DAMAGE_EBR_LOOP:
        return err_hint(e, "`berth disk check --repair %s` ends the chain there", path);
    case DAMAGE_EBR_LOST:
        return err_hint(
            e,
            "`berth disk restore %s FILE` puts back what `disk backup` kept; else `berth part rm "
            "%s %u` ends the chain there, and no byte behind it is written; then `berth part add "
            "%s "
            "--logical` with the options above puts one back, if it was there to the last: that is "
            "recorded nowhere, and a partition may have been larger than its filesystem",
            path, path, cured->number, path);
    case DAMAGE_EBR_DAMAGED:
        return err_hint(
            e,
            "`berth disk restore %s FILE` puts back what `disk backup` kept; else `berth "
            "part rm %s %u` takes that partition, and what only its boot record leads "
            "to, out of the table, and no byte of them is written",
            path, path, cured->number);
    case DAMAGE_HYBRID:
    case DAMAGE_HYBRID_OUT_OF_STEP:
        return err_hint(e,
                        "berth reads a hybrid MBR and does not change it; gdisk makes a "
                        "protective one of it: `gdisk %s`, then x, n, w",
                        path);
    case DAMAGE_HEADERS_GONE:
        return hint_headers_gone(cured->number, path, e);
    case DAMAGE_OTHER_SECTOR:
        return err_hint(e,
                        "connect it as it was; or read it through the device that `losetup --find "
                        "--show --sector-size SIZE %s` makes, with that SIZE",
                        path);
    case DAMAGE_EXTENDED_CUT:
        return err_hint(e, "make the disk as large as it was: what is in it is found from there");
    default:
        return err_hint(e, "this is not mended without guessing: `berth disk backup` it before "
                           "you try anything");
    }
}

int change_refuse_damage(const struct damage *damage, size_t n, const char *path, struct err *e)
{
    const struct damage *cured = what_to_cure(damage, n);

    if (cured == NULL)
        return 0;
    err_set(e, ERR_REFUSED, "%s", cured->text);
    return change_hint_damage(damage, n, path, e);
}

int change_check_damage(const struct table *there, const struct change_options *options,
                        const char *path, struct err *e)
{
    const struct damage *cured = what_to_cure(there->damage, there->n_damage);

    if (cured == NULL || options->replaces || options->takes_back ||
        (options->cures && is_curable(cured->kind)) ||
        (options->repair && damage_mends(cured->kind)))
        return 0;
    return change_refuse_damage(there->damage, there->n_damage, path, e);
}

int change_check_cure(const struct table *there, const struct table *wanted,
                      const struct change_options *options, const struct blockdev *bd,
                      const char *path, struct err *e)
{
    int had, has;

    if (!options->cures || table_problem(there) == NULL)
        return 0;
    had = table_count_problems(there, bd, e);
    has = table_count_problems(wanted, bd, e);
    if (had < 0 || has < 0)
        return -1;
    if (has < had && (count_of_chain(there) == 0 || count_of_chain(wanted) < count_of_chain(there)))
        return 0;
    return change_refuse_damage(there->damage, there->n_damage, path, e);
}
