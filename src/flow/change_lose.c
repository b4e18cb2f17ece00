// SPDX-License-Identifier: GPL-3.0-or-later
/* change_lose.c: what would be lost without having been named. Pure, but that two paths may be of
 * one file. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/change_parts.h"
#include "log/left.h"

#include <stdarg.h>
#include <string.h>

int change_append(char **list, const char *separator, struct err *e, const char *fmt, ...)
{
    char *grown, item[500];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(item, sizeof(item), fmt, ap);
    va_end(ap);
    grown =
        *list == NULL ? io_format(e, "%s", item) : io_format(e, "%s%s%s", *list, separator, item);
    if (grown == NULL)
        return -1;
    free(*list);
    *list = grown;
    return 0;
}

int change_append_more(char **list, size_t n, struct err *e)
{
    return n <= CHANGE_LISTED ? 0 : change_append(list, "; ", e, "and %zu more", n - CHANGE_LISTED);
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
        if (table_find(table, facts->options->lose[i], &ignored) == entry)
            return true;
    return false;
}

/* True for what a shell takes as it is. */
static bool is_plain(const char *name)
{
    return *name != '\0' && *name != '-' &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789._+:@-")] == '\0';
}

/* What a person types for it: its name where that needs no quotes and is no number. */
static int add_lose(const struct change_facts *facts, const struct table_entry *entry, char **words,
                    struct err *e)
{
    const struct table *table = is_entry_of(facts->there, entry) ? facts->there : facts->wanted;
    struct err ignored;

    if (is_plain(entry->name) && table_find(table, entry->name, &ignored) == entry)
        return change_append(words, " ", e, "--lose %s", entry->name);
    return change_append(words, " ", e, "--lose %u", entry->number);
}

static const char *verb(const struct change_part *part)
{
    return change_grows_fs(part) && !change_moves(part) ? "grows" : "goes";
}

/* Why it is asked for, where what the content is does not say it. */
static void explain(const struct change_part *part, char text[160])
{
    char most[SIZE_TEXT];

    size_exact(LEFT_COVERED_MOST, most, sizeof(most));
    if (part->found != NULL && (part->found->fs != NULL || part->found->member != NULL))
        *text = '\0';
    else if (part->there == NULL || part->there->range.bytes <= LEFT_COVERED_MOST)
        snprintf(text, 160, ": it holds data that berth does not know");
    else
        snprintf(text, 160,
                 ": it holds data that berth does not know (what berth itself left there it would "
                 "know up to %s)",
                 most);
}

static int add_loss(const struct change_part *part, char **losses, struct err *e)
{
    _cleanup_free_ char *what = change_describe(part, e);
    char why[160];

    if (what == NULL)
        return -1;
    if (*part->over_free != '\0')
        return change_append(losses, "; ", e, "where %s %s, %s", what, verb(part), part->over_free);
    explain(part, why);
    return change_append(losses, "; ", e, "%s would be lost%s", what, why);
}

int change_lose_free(const struct change_facts *facts, struct step *step,
                     const struct change_part *part, struct err *e)
{
    char size[SIZE_TEXT];

    for (size_t i = 0; i < facts->survey->n_partitions; i++) {
        const struct survey_partition *cut = &facts->survey->partitions[i];
        int taken = change_takes_end(facts, part, cut, e);

        if (taken < 0 || (taken > 0 && change_lose_end(step, cut, e) < 0))
            return -1;
    }
    if (*part->over_free == '\0')
        return 0;
    size_human(part->wanted->range.bytes, size, sizeof(size));
    return plan_lose(step,
                     io_format(e, "what is in the free space within %s from byte %llu: %s", size,
                               (unsigned long long)part->wanted->range.start, part->over_free),
                     e);
}

/* True when something of another partition is put where the deleted one was. */
static bool is_overwritten(const struct change_facts *facts, const struct change_part *deleted)
{
    if (deleted->under_table)
        return true;
    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *part = &facts->parts[i];

        if (change_writes(part) && extent_overlaps(&part->wanted->range, &deleted->there->range))
            return true;
    }
    return false;
}

bool change_is_given_up(const struct change_facts *facts, const struct change_part *deleted)
{
    return (facts->options->replaces && !facts->options->restores) ||
           is_overwritten(facts, deleted);
}

/* The size of a partition whose content berth cannot work on is all that would be left of it. */
static bool is_cut(const struct change_part *part)
{
    return part->there != NULL && part->wanted != NULL && part->format == NULL &&
           part->fs == NULL && part->wanted->range.bytes < part->there->range.bytes;
}

/* Something of the partition itself. */
static bool is_lost(const struct change_facts *facts, const struct change_part *part)
{
    if (part->format != NULL || change_is_wiped(facts, part) || is_cut(part))
        return true;
    return part->wanted == NULL && change_is_given_up(facts, part);
}

struct losses {
    char *list, *words; /* what is lost, and what a person types for it */
    size_t n;
};

static int look_at_part(const struct change_facts *facts, const struct change_part *part,
                        struct losses *losses, struct err *e)
{
    const struct table_entry *entry = part->there != NULL ? part->there : part->wanted;

    if (!(*part->over_free != '\0' || (part->has_content && is_lost(facts, part))) ||
        is_named(facts, entry))
        return 0;
    if (++losses->n <= CHANGE_LISTED && add_loss(part, &losses->list, e) < 0)
        return -1;
    return add_lose(facts, entry, &losses->words, e);
}

static const struct table_entry *entry_of(const struct table *table, unsigned number)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].number == number)
            return &table->entries[i];
    return NULL;
}

/* It is lost as a whole, and named for that. */
static bool is_given_up(const struct change_facts *facts, unsigned number)
{
    for (size_t i = 0; i < facts->n; i++)
        if (facts->parts[i].there != NULL && facts->parts[i].there->number == number)
            return is_lost(facts, &facts->parts[i]);
    return false;
}

/* The first part that is put over the end of the filesystem of another partition; NULL: none is. */
static int find_taker(const struct change_facts *facts, const struct survey_partition *cut,
                      const struct change_part **taker, struct err *e)
{
    *taker = NULL;
    for (size_t i = 0; i < facts->n && *taker == NULL; i++) {
        int takes = change_takes_end(facts, &facts->parts[i], cut, e);

        if (takes < 0)
            return -1;
        if (takes > 0)
            *taker = &facts->parts[i];
    }
    return 0;
}

/* In words, new, who comes over it; *lost false: nobody does. */
static char *name_taker(const struct change_facts *facts, const struct survey_partition *cut,
                        bool *lost, struct err *e)
{
    const struct change_part *taker;
    _cleanup_free_ char *what = NULL;
    int table = change_table_takes_end(facts, cut, e);

    *lost = true;
    if (table < 0 || find_taker(facts, cut, &taker, e) < 0)
        return NULL;
    *lost = taker != NULL || table > 0;
    if (taker == NULL)
        return io_format(e, "where the partition table is written");
    what = change_describe(taker, e);
    return what == NULL ? NULL : io_format(e, "where %s %s", what, verb(taker));
}

static int look_at_end(const struct change_facts *facts, const struct survey_partition *cut,
                       struct losses *losses, struct err *e)
{
    const struct table_entry *entry = entry_of(facts->there, cut->number);
    _cleanup_free_ char *where = NULL, *end = NULL;
    bool lost;

    if (survey_overhang(cut).bytes == 0 || entry == NULL || is_given_up(facts, cut->number) ||
        is_named(facts, entry))
        return 0;
    where = name_taker(facts, cut, &lost, e);
    end = where != NULL && lost ? change_describe_end(cut, e) : NULL;
    if (where == NULL || !lost || end == NULL)
        return where != NULL && !lost ? 0 : -1;
    if (++losses->n <= CHANGE_LISTED &&
        change_append(&losses->list, "; ", e, "%s, %s", where, end) < 0)
        return -1;
    return add_lose(facts, entry, &losses->words, e);
}

/* The extended partition has no content, so what its first sector comes over has the disk's name.
 */
static int look_at_frame(const struct change_facts *facts, struct losses *losses, struct err *e)
{
    if (*facts->under_frame == '\0' || change_names_disk(facts))
        return 0;
    if (++losses->n <= CHANGE_LISTED &&
        change_append(&losses->list, "; ", e, "where the extended partition begins, %s",
                      facts->under_frame) < 0)
        return -1;
    return change_append(&losses->words, " ", e, "--lose %s",
                         shell_quote(facts->survey->path).text);
}

static int refuse_losses(struct losses *losses, struct err *e)
{
    size_t n = losses->n;

    if (change_append_more(&losses->list, n, e) < 0)
        return -1;
    err_set(e, ERR_REFUSED, "%s", losses->list);
    if (strlen(losses->words) > sizeof(e->hint) - 64)
        return err_hint(e, "if nothing in them is needed, name each with --lose");
    return err_hint(e, "if nothing in %s is needed, say so: %s", n > 1 ? "them" : "it",
                    losses->words);
}

int change_check_losses(const struct change_facts *facts, struct err *e)
{
    struct losses losses = {0};
    int result = 0;

    for (size_t i = 0; i < facts->n && result == 0; i++)
        result = look_at_part(facts, &facts->parts[i], &losses, e);
    for (size_t i = 0; i < facts->survey->n_partitions && result == 0; i++)
        result = look_at_end(facts, &facts->survey->partitions[i], &losses, e);
    if (result == 0)
        result = look_at_frame(facts, &losses, e);
    if (result == 0 && losses.n > 0)
        result = refuse_losses(&losses, e);
    free(losses.list);
    free(losses.words);
    return result;
}

bool change_names_disk(const struct change_facts *facts)
{
    for (size_t i = 0; i < facts->options->n_lose; i++)
        if (io_same_path(facts->options->lose[i], facts->survey->path))
            return true;
    return false;
}

static bool names_something(const struct change_facts *facts, const char *word)
{
    struct err why, ignored;

    return io_same_path(word, facts->survey->path) || table_find(facts->there, word, &why) ||
           table_find(facts->wanted, word, &ignored) || why.code != ERR_NOT_FOUND;
}

/* A filesystem's label names nothing, since two may have the same; people try it. */
static int hint_label(const struct survey *survey, const char *word, struct err *e)
{
    if (survey->label != NULL && strcmp(survey->label, word) == 0)
        return err_hint(e, "%s is the label of what the whole disk holds: --lose %s", word,
                        shell_quote(survey->path).text);
    for (size_t i = 0; i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];

        if (p->label != NULL && strcmp(p->label, word) == 0)
            return err_hint(e, "%s is the label of the filesystem in partition %u: --lose %u", word,
                            p->number, p->number);
    }
    return err_hint(e, "`berth disk show %s` lists the partitions with their numbers and names",
                    shell_quote(survey->path).text);
}

int change_check_lose(const struct change_facts *facts, struct err *e)
{
    _cleanup_free_ char *words = NULL;
    const char *first = NULL;

    for (size_t i = 0; i < facts->options->n_lose; i++) {
        const char *word = facts->options->lose[i];

        if (names_something(facts, word))
            continue;
        first = first != NULL ? first : word;
        if (change_append(&words, ", ", e, "--lose %s", word) < 0)
            return -1;
    }
    if (first == NULL)
        return 0;
    err_set(e, ERR_USAGE, "%s: there is no such partition", words);
    return hint_label(facts->survey, first, e);
}
