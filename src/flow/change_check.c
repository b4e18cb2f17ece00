// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * change_check.c: what must not be done to a disk: what is in use, what is damaged, what belongs to
 * a system of berth's, what a filesystem cannot. Pure.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/change_parts.h"
#include "partition/type.h"

#include <string.h>

static bool is_changed(const struct change_facts *facts, const struct change_part *part)
{
    return part->wanted == NULL || part->format != NULL || change_is_wiped(facts, part) ||
           part->unwiped || part->there->range.start != part->wanted->range.start ||
           part->there->range.bytes != part->wanted->range.bytes ||
           (facts->wanted->kind == TABLE_MBR && part->there->number != part->wanted->number);
}

/* Growing may be done to whatever is mounted. */
static bool only_grows(const struct change_facts *facts, const struct change_part *part)
{
    return part->wanted != NULL && part->format == NULL && !change_is_wiped(facts, part) &&
           !change_moves(part) && part->wanted->range.bytes > part->there->range.bytes &&
           part->wanted->number == part->there->number;
}

/* What is always mounted while its system runs. */
static bool is_for_boot(const struct change_facts *facts, const struct change_part *part)
{
    return change_is_mounted(part) && strcmp(part->found->mountpoint, "/") == 0 &&
           facts->survey->record != NULL && part->wanted != NULL && part->format == NULL &&
           !change_is_wiped(facts, part);
}

static bool is_in_use(const struct change_facts *facts, const struct change_part *part)
{
    if (part->there == NULL || part->found->holder == NULL || !is_changed(facts, part))
        return false;
    return !change_is_mounted(part) ||
           !(only_grows(facts, part) ||
             (change_shrinks_mounted(part) && !change_is_wiped(facts, part)));
}

static int hint_in_use(const struct change_facts *facts, const struct change_part *part,
                       struct err *e)
{
    if (is_for_boot(facts, part))
        return err_hint(e, "berth part %s %s %u ... --at-boot does it at the next boot",
                        change_moves(part) ? "move" : "resize",
                        shell_quote(facts->survey->path).text, part->there->number);
    if (part->found->release != NULL)
        return err_hint(e, "%s", part->found->release);
    return err_hint(e, "end what uses it first");
}

static int add_user(const struct change_part *part, char **users, struct err *e)
{
    _cleanup_free_ char *what = change_describe(part, e);

    return what == NULL ? -1 : change_append(users, "; ", e, "%s is %s", what, part->found->holder);
}

/* Everybody who uses anything is named at once. */
static int check_in_use(const struct change_facts *facts, struct err *e)
{
    _cleanup_free_ char *users = NULL;
    const struct change_part *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *part = &facts->parts[i];

        if (!is_in_use(facts, part))
            continue;
        if (n++ == 0)
            first = part;
        if (n <= CHANGE_LISTED && add_user(part, &users, e) < 0)
            return -1;
    }
    if (n == 0)
        return 0;
    if (change_append_more(&users, n, e) < 0)
        return -1;
    err_set(e, ERR_IN_USE, "%s", users);
    return n > 1 ? err_hint(e, "end what uses them first") : hint_in_use(facts, first, e);
}

static int refuse_boot_partition(const struct change_part *part, const char *what, struct err *e)
{
    err_set(e, ERR_REFUSED, "%s %s: this disk's boot menu needs it as it is",
            table_title(part->there->number, part->there->name).text, what);
    return err_hint(e, "`berth menu show` says which systems boot by it");
}

/* What the menu and the record name stays what they name. */
static int check_owned(const struct change_facts *facts, const struct change_part *part,
                       struct err *e)
{
    const struct survey *survey = facts->survey;
    const struct record_system *system;
    bool lost, renamed;

    if (part->there == NULL || survey->record == NULL)
        return 0;
    lost = part->wanted == NULL || part->format != NULL || change_is_wiped(facts, part);
    renamed = part->wanted != NULL && !guid_equal(&part->there->uuid, &part->wanted->uuid);
    if (part->found->number == survey->esp && (lost || renamed))
        return refuse_boot_partition(part, "holds the boot menu", e);
    if (part->found->number == survey->esp && facts->options->at_boot && is_changed(facts, part)) {
        err_set(e, ERR_REFUSED, "%s is what the next boot starts from",
                table_title(part->there->number, part->there->name).text);
        return err_hint(e, "unmount it and do it now, or from another medium");
    }
    if (partition_type_is(&part->there->type, "bios-boot") && (lost || change_moves(part)))
        return refuse_boot_partition(part, "holds GRUB", e);
    system = record_owner(survey->record, &part->found->uuid);
    if (system == NULL || (!lost && !renamed))
        return 0;
    err_set(e, ERR_REFUSED, "%s belongs to the system %s",
            table_title(part->there->number, part->there->name).text, system->name);
    return err_hint(e, "take %s out of the machine file and `berth apply --prune` it",
                    system->name);
}

/* What has to be mounted for it needs a place for that; and some cannot even then. */
static int check_mount(const struct change_facts *facts, const struct change_part *part,
                       struct err *e)
{
    if (!change_needs_mount(part))
        return 0;
    if (change_shrinks_fs(part) && part->fs->shrink_mounted == NULL) {
        err_set(e, ERR_UNSUPPORTED, "%s: %s",
                table_title(part->there->number, part->there->name).text, part->fs->shrink);
        return err_hint(e, "copy its files elsewhere and format it anew");
    }
    if (facts->no_mount.code == ERR_OK)
        return 0;
    *e = facts->no_mount;
    return err_wrap(e, "%s: its %s changes its size only while it is mounted",
                    table_title(part->there->number, part->there->name).text, part->fs->name);
}

/* What is grown at all has to become as large as it can be set. */
static int check_grown(const struct change_part *part, struct err *e)
{
    char wanted[SIZE_TEXT], least[SIZE_TEXT];

    if (!change_grows_fs(part) || part->wanted->range.bytes >= part->bounds.least_set)
        return 0;
    size_exact(part->bounds.least_set, least, sizeof(least));
    err_set(e, ERR_NO_SPACE, "%s cannot be grown to %s: its %s cannot be set to less than %s",
            table_title(part->there->number, part->there->name).text,
            size_exact(part->wanted->range.bytes, wanted, sizeof(wanted)), part->fs->name, least);
    return err_hint(e, "--size %s or more works", least);
}

/* The new size, against what the content can be. */
static int check_size(const struct change_facts *facts, const struct change_part *part,
                      struct err *e)
{
    uint64_t old = part->there->range.bytes, new = part->wanted->range.bytes;
    char wanted[SIZE_TEXT], floor[SIZE_TEXT], least[SIZE_TEXT];

    if (check_grown(part, e) < 0 || check_mount(facts, part, e) < 0)
        return -1;
    if (new >= old || part->fs == NULL)
        return 0;
    if (!change_shrinks_fs(part))
        return 0;
    if (part->fs->shrink != NULL && part->fs->shrink_mounted == NULL) {
        err_set(e, ERR_UNSUPPORTED, "%s: %s",
                table_title(part->there->number, part->there->name).text, part->fs->shrink);
        return err_hint(e, "copy its files elsewhere and format it anew");
    }
    if (new >= part->bounds.least || change_may_not_fit(part))
        return 0;
    size_exact(new, wanted, sizeof(wanted));
    size_exact(round_up(fs_bounds_floor(&part->bounds), MIB), floor, sizeof(floor));
    size_exact(round_up(part->bounds.least, MIB), least, sizeof(least));
    err_set(e, ERR_NO_SPACE, "%s cannot be shrunk to %s: its %s needs %s",
            table_title(part->there->number, part->there->name).text, wanted, part->fs->name,
            floor);
    return err_hint(e, "--size %s is certainly enough", least);
}

/* A partition that was cut shorter than its filesystem is not moved without the end of it, and gets
 * nothing but its size back. */
static int check_overhang(const struct change_facts *facts, const struct change_part *part,
                          struct err *e)
{
    char has[SIZE_TEXT], needs[SIZE_TEXT];

    if (survey_overhang(part->found).bytes == 0 || part->alone ||
        (!change_moves(part) && part->wanted->range.bytes == part->there->range.bytes))
        return 0;
    size_exact(part->found->fs_bytes, needs, sizeof(needs));
    err_set(e, ERR_REFUSED, "%s has %s, its %s takes %s: the end of that lies behind it",
            table_title(part->there->number, part->there->name).text,
            size_exact(part->there->range.bytes, has, sizeof(has)), part->found->fs, needs);
    return err_hint(e,
                    "if it was cut by mistake, this alone puts its entry right: berth part resize "
                    "%s %u --size %s",
                    shell_quote(facts->survey->path).text, part->there->number, needs);
}

static int check_part(const struct change_facts *facts, const struct change_part *part,
                      struct err *e)
{
    bool kept = part->there != NULL && part->wanted != NULL && part->format == NULL &&
                !change_is_wiped(facts, part);

    if (check_owned(facts, part, e) < 0 || (kept && check_overhang(facts, part, e) < 0))
        return -1;
    return kept ? check_size(facts, part, e) : 0;
}

/* A disk without a table that can be read, and that is not blank: its content has no other name
 * than the disk's. */
static int check_blank(const struct change_facts *facts, struct err *e)
{
    const struct change_options *options = facts->options;

    if (!facts->disk_has_data || change_names_disk(facts))
        return 0;
    if (facts->there->kind != TABLE_NONE || table_has_damage(facts->there, DAMAGE_HEADERS_GONE) ||
        table_has_damage(facts->there, DAMAGE_OTHER_SECTOR))
        err_set(e, ERR_REFUSED, "%s: the partitions that they named would be lost",
                facts->there->damage[0].text);
    else if (facts->survey->fs != NULL)
        err_set(e, ERR_REFUSED,
                "there is no partition table, yet the disk is not empty: it holds %s",
                facts->survey->fs);
    else
        err_set(e, ERR_REFUSED,
                "there is no partition table that berth knows, yet the disk is not empty");
    if (options->restores)
        return err_hint(
            e,
            "only where that table was is overwritten, but something lies there now; if "
            "that is not needed: --lose %s",
            shell_quote(facts->survey->path).text);
    if (table_has_damage(facts->there, DAMAGE_HEADERS_GONE))
        return err_hint(e,
                        "keep a copy of the disk; `berth disk restore` puts back what `disk "
                        "backup` kept; if nothing on it is needed, say so: --lose %s",
                        shell_quote(facts->survey->path).text);
    return err_hint(e, "if nothing on it is needed, say so: --lose %s",
                    shell_quote(facts->survey->path).text);
}

/* Steps know an MBR's partitions by their numbers, so none may change between them. */
static int check_numbers(const struct change_facts *facts, struct err *e)
{
    const struct change_part *renumbered = NULL, *worked_on = NULL;

    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *part = &facts->parts[i];

        if (part->there == NULL || part->wanted == NULL)
            continue;
        if (part->there->number != part->wanted->number)
            renumbered = part;
        if (change_moves(part) || change_shrinks_fs(part) || change_grows_fs(part))
            worked_on = part;
    }
    if (facts->there->kind != TABLE_MBR || renumbered == NULL || worked_on == NULL)
        return 0;
    err_set(e, ERR_REFUSED,
            "partition %u gets the number %u: partition %u cannot be moved or "
            "resized with its files in the same go",
            renumbered->there->number, renumbered->wanted->number, worked_on->there->number);
    return err_hint(e, "delete what shall go first, then do the rest");
}

/* A system that sleeps in its swap wakes up with what it knew of its filesystems, and of where they
 * are. */
static int check_asleep(const struct change_facts *facts, struct err *e)
{
    const struct change_part *asleep = NULL, *worked_on = NULL;

    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *part = &facts->parts[i];

        if (part->there == NULL)
            continue;
        if (part->found->fs != NULL && strcmp(part->found->fs, "swsuspend") == 0)
            asleep = part;
        if (!change_is_mounted(part) &&
            (change_moves(part) || change_shrinks_fs(part) || change_grows_fs(part)))
            worked_on = part;
    }
    if (asleep == NULL || worked_on == NULL)
        return 0;
    err_set(e, ERR_REFUSED, "%s might belong to the hibernated system that sleeps in partition %u",
            table_title(worked_on->there->number, worked_on->there->name).text,
            asleep->there->number);
    return err_hint(e,
                    "start that system and shut it down, or make its swap anew: berth part "
                    "format %s %u --fs swap",
                    shell_quote(facts->survey->path).text, asleep->there->number);
}

int change_check(const struct change_facts *facts, struct err *e)
{
    if (change_check_lose(facts, e) < 0 ||
        (facts->wanted->kind != TABLE_NONE && check_blank(facts, e) < 0) ||
        check_in_use(facts, e) < 0)
        return -1;
    for (size_t i = 0; i < facts->n; i++)
        if (check_part(facts, &facts->parts[i], e) < 0)
            return -1;
    return check_asleep(facts, e) < 0 || change_check_losses(facts, e) < 0
               ? -1
               : check_numbers(facts, e);
}
