// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * change_check.c: what must not be done to a disk: what is in use, what is damaged, what belongs to
 * a system of berth's, what a filesystem cannot, and what would be lost without having been named.
 * Pure.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/change.h"
#include "partition/type.h"

#include <string.h>

bool change_moves(const struct change_part *part)
{
    return part->there != NULL && part->wanted != NULL && part->format == NULL &&
           part->there->range.start != part->wanted->range.start;
}

static bool keeps_fs(const struct change_part *part)
{
    return part->there != NULL && part->wanted != NULL && part->format == NULL && part->fs != NULL;
}

static bool is_mounted(const struct change_part *part)
{
    return part->found != NULL && part->found->mountpoint != NULL;
}

bool change_shrinks_fs(const struct change_part *part)
{
    return keeps_fs(part) && part->wanted->range.bytes < part->bounds.now;
}

bool change_grows_fs(const struct change_part *part)
{
    if (!keeps_fs(part) || part->wanted->range.bytes <= part->there->range.bytes)
        return false;
    return is_mounted(part) ? part->fs->grow_mounted != NULL : part->bounds.most > part->bounds.now;
}

bool change_needs_mount(const struct change_part *part)
{
    return (change_shrinks_fs(part) || change_grows_fs(part)) && !is_mounted(part) &&
           part->fs->resize == NULL;
}

bool change_is_wiped(const struct change_facts *facts, const struct change_part *part)
{
    struct err ignored;

    return facts->options->wipe != NULL && part->there != NULL &&
           change_find(facts->there, facts->options->wipe, &ignored) == part->there;
}

char *change_describe(const struct change_part *part, struct err *e)
{
    const struct table_entry *entry = part->there != NULL ? part->there : part->wanted;
    const char *fs = part->found != NULL ? part->found->fs : NULL;
    char size[SIZE_TEXT];

    if (fs == NULL && part->found != NULL)
        fs = part->found->member;
    size_human(entry->range.bytes, size, sizeof(size));
    return io_format(e, "partition %u (%s%s%s%s%s)", entry->number, entry->name,
                     *entry->name != '\0' ? ", " : "", size, fs != NULL ? ", " : "",
                     fs != NULL ? fs : "");
}

static bool is_changed(const struct change_facts *facts, const struct change_part *part)
{
    return part->wanted == NULL || part->format != NULL || change_is_wiped(facts, part) ||
           part->there->range.start != part->wanted->range.start ||
           part->there->range.bytes != part->wanted->range.bytes ||
           (facts->wanted->kind == TABLE_MBR && part->there->number != part->wanted->number);
}

/* Growing is the one thing that may be done to what is mounted. */
static bool only_grows(const struct change_facts *facts, const struct change_part *part)
{
    return part->wanted != NULL && part->format == NULL && !change_is_wiped(facts, part) &&
           !change_moves(part) && part->wanted->range.bytes > part->there->range.bytes &&
           part->wanted->number == part->there->number;
}

/* What is always mounted while its system runs. */
static bool is_for_boot(const struct change_facts *facts, const struct change_part *part)
{
    return is_mounted(part) && strcmp(part->found->mountpoint, "/") == 0 &&
           facts->survey->record != NULL && part->wanted != NULL && part->format == NULL &&
           !change_is_wiped(facts, part);
}

static int check_in_use(const struct change_facts *facts, const struct change_part *part,
                        struct err *e)
{
    _cleanup_free_ char *what = NULL;

    if (part->there == NULL || part->found->holder == NULL || !is_changed(facts, part))
        return 0;
    if (is_mounted(part) && only_grows(facts, part))
        return 0;
    what = change_describe(part, e);
    if (what == NULL)
        return -1;
    err_set(e, ERR_IN_USE, "%s is in use: %s", what, part->found->holder);
    if (is_for_boot(facts, part))
        return err_hint(e, "berth part %s %s %s ... --at-boot does it at the next boot",
                        change_moves(part) ? "move" : "resize", facts->survey->path,
                        *part->there->name != '\0' ? part->there->name : "PART");
    if (is_mounted(part))
        return err_hint(e, "umount %s", part->found->mountpoint);
    return err_hint(e, "end what uses it first");
}

static int refuse_boot_partition(const struct change_part *part, const char *what, struct err *e)
{
    err_set(e, ERR_REFUSED, "partition %u (%s) %s: this disk's boot menu needs it as it is",
            part->there->number, part->there->name, what);
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
    if (partition_type_is(&part->there->type, "bios-boot") && (lost || change_moves(part)))
        return refuse_boot_partition(part, "holds GRUB", e);
    system = record_owner(survey->record, &part->found->uuid);
    if (system == NULL || (!lost && !renamed))
        return 0;
    err_set(e, ERR_REFUSED, "partition %u (%s) belongs to the system %s", part->there->number,
            part->there->name, system->name);
    return err_hint(e, "take %s out of the machine file and `berth apply --prune` it",
                    system->name);
}

static bool is_entry_of(const struct table *table, const struct table_entry *entry)
{
    return entry >= table->entries && entry < table->entries + table->n;
}

/* A name that several have, or that is another one's number, names nothing. */
static bool is_named(const struct change_facts *facts, const struct table_entry *entry)
{
    const struct table *table = is_entry_of(facts->there, entry) ? facts->there : facts->wanted;
    struct err ignored;

    for (size_t i = 0; i < facts->options->n_lose; i++)
        if (change_find(table, facts->options->lose[i], &ignored) == entry)
            return true;
    return false;
}

/* What a person types for it: its name where that needs no quotes and is no number. */
static int hint_lose(const struct change_facts *facts, const struct table_entry *entry,
                     struct err *e)
{
    const struct table *table = is_entry_of(facts->there, entry) ? facts->there : facts->wanted;
    struct err ignored;

    if (strpbrk(entry->name, " '\"\\$`") == NULL &&
        change_find(table, entry->name, &ignored) == entry)
        return err_hint(e, "if nothing in it is needed, say so: --lose %s", entry->name);
    return err_hint(e, "if nothing in it is needed, say so: --lose %u", entry->number);
}

static int must_be_named(const struct change_facts *facts, const struct change_part *part,
                         struct err *e)
{
    const struct table_entry *entry = part->there != NULL ? part->there : part->wanted;
    _cleanup_free_ char *what = change_describe(part, e);

    if (what == NULL)
        return -1;
    if (is_named(facts, entry))
        return 0;
    if (part->there == NULL)
        err_set(e, ERR_REFUSED,
                "where %s goes there is a filesystem that no partition has any more", what);
    else
        err_set(e, ERR_REFUSED, "%s would be lost%s", what,
                part->found->fs == NULL && part->found->member == NULL
                    ? ": it holds data that berth does not know"
                    : "");
    return hint_lose(facts, entry, e);
}

/* What has to be mounted for it needs root; and some cannot even then. */
static int check_mount(const struct change_facts *facts, const struct change_part *part,
                       struct err *e)
{
    if (!change_needs_mount(part))
        return 0;
    if (change_shrinks_fs(part) && part->fs->shrink_mounted == NULL) {
        err_set(e, ERR_UNSUPPORTED, "partition %u (%s): %s", part->there->number, part->there->name,
                part->fs->shrink);
        return err_hint(e, "copy its files elsewhere and format it anew");
    }
    if (facts->can_mount)
        return 0;
    err_set(e, ERR_REFUSED, "partition %u (%s): a %s changes its size only while it is mounted",
            part->there->number, part->there->name, part->fs->name);
    return err_hint(e, "as root berth mounts it for that, where nobody else sees it");
}

/* The new size, against what the content can be. */
static int check_size(const struct change_facts *facts, const struct change_part *part,
                      struct err *e)
{
    uint64_t old = part->there->range.bytes, new = part->wanted->range.bytes;
    char wanted[SIZE_TEXT], least[SIZE_TEXT];

    if (check_mount(facts, part, e) < 0)
        return -1;
    if (new >= old || (part->fs == NULL && !part->has_content))
        return 0;
    if (part->fs == NULL)
        return must_be_named(facts, part, e);
    if (!change_shrinks_fs(part))
        return 0;
    if (part->fs->shrink != NULL && part->fs->shrink_mounted == NULL) {
        err_set(e, ERR_UNSUPPORTED, "partition %u (%s): %s", part->there->number, part->there->name,
                part->fs->shrink);
        return err_hint(e, "copy its files elsewhere and format it anew");
    }
    if (new >= part->bounds.least)
        return 0;
    size_exact(new, wanted, sizeof(wanted));
    size_exact(round_up(part->bounds.least, MIB), least, sizeof(least));
    err_set(e, ERR_NO_SPACE, "partition %u (%s) cannot be shrunk to %s: its %s needs %s",
            part->there->number, part->there->name, wanted, part->fs->name, least);
    return err_hint(e, "--size %s is the smallest", least);
}

/* True when something of another partition is put where the deleted one was. */
static bool is_overwritten(const struct change_facts *facts, const struct change_part *deleted)
{
    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *part = &facts->parts[i];

        if (part->wanted != NULL &&
            (part->format != NULL || change_moves(part) || change_grows_fs(part)) &&
            extent_overlaps(&part->wanted->range, &deleted->there->range))
            return true;
    }
    return false;
}

static int check_part(const struct change_facts *facts, const struct change_part *part,
                      struct err *e)
{
    bool lost;

    if (check_in_use(facts, part, e) < 0 || check_owned(facts, part, e) < 0)
        return -1;
    if (part->there == NULL)
        return part->has_content ? must_be_named(facts, part, e) : 0;
    lost = part->format != NULL || change_is_wiped(facts, part) ||
           (part->wanted == NULL && (facts->options->replaces || is_overwritten(facts, part)));
    if (lost && part->has_content)
        return must_be_named(facts, part, e);
    return part->wanted != NULL && part->format == NULL ? check_size(facts, part, e) : 0;
}

int change_check_damage(const struct table *there, const struct change_options *options,
                        struct err *e)
{
    const struct damage *damage = table_problem(there);

    if (damage == NULL || options->replaces)
        return 0;
    err_set(e, ERR_REFUSED, "%s", damage->text);
    return err_hint(e, options->repair
                           ? "this is not mended without guessing: keep a `berth disk backup`"
                           : "`berth disk check` says what is wrong and what can be done about it");
}

/* A disk without a table that is not blank: its content has no other name than the disk's. */
static int check_blank(const struct change_facts *facts, struct err *e)
{
    const struct change_options *options = facts->options;

    if (!facts->disk_has_data)
        return 0;
    for (size_t i = 0; i < options->n_lose; i++)
        if (strcmp(options->lose[i], facts->survey->path) == 0)
            return 0;
    err_set(e, ERR_REFUSED,
            "there is no partition table that berth knows, yet the disk is not empty");
    return err_hint(e, "if nothing on it is needed, say so: --lose %s", facts->survey->path);
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

/* A word that names nothing was meant for something else. */
static int check_lose(const struct change_facts *facts, struct err *e)
{
    for (size_t i = 0; i < facts->options->n_lose; i++) {
        const char *word = facts->options->lose[i];
        struct err why, ignored;

        if (strcmp(word, facts->survey->path) == 0 || change_find(facts->there, word, &why) ||
            change_find(facts->wanted, word, &ignored) || why.code != ERR_NOT_FOUND)
            continue;
        return err_set(e, ERR_NOT_FOUND, "--lose %s: there is no such partition", word);
    }
    return 0;
}

int change_check(const struct change_facts *facts, struct err *e)
{
    if (plan_check_identity(facts->survey, facts->options->serial, facts->options->wwn, e) < 0 ||
        check_lose(facts, e) < 0 ||
        (facts->wanted->kind != TABLE_NONE && check_blank(facts, e) < 0))
        return -1;
    for (size_t i = 0; i < facts->n; i++)
        if (check_part(facts, &facts->parts[i], e) < 0)
            return -1;
    return check_numbers(facts, e);
}
