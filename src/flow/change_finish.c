// SPDX-License-Identifier: GPL-3.0-or-later
/* change_finish.c: the steps that finish what was interrupted, and what a table says of it. Pure.
 */
#include "apply/observe.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "flow/change.h"
#include "partition/type.h"

#include <string.h>

struct table *change_after(const struct table *there, const struct pending *pending, struct err *e)
{
    struct table *after = table_copy(there, e);
    struct table_entry *entry =
        after != NULL ? table_entry_by_uuid(after, &pending->partition) : NULL;

    if (after == NULL)
        return NULL;
    if (entry == NULL) {
        table_free(after);
        err_set(e, ERR_REFUSED, "partition %u, which was worked on, has gone from the table",
                pending->number);
        return NULL;
    }
    entry->range = pending->to;
    entry->type = pending->type;
    entry->code = (uint8_t)pending->mbr_type;
    entry->attributes = pending->attributes;
    return after;
}

struct table *change_before(const struct table *there, const struct pending *pending, struct err *e)
{
    struct table *before = change_after(there, pending, e);

    if (before != NULL)
        table_entry_by_uuid(before, &pending->partition)->range = pending->from;
    return before;
}

static bool is_claimed(const struct plan *plan, const struct extent *range)
{
    for (size_t i = 0; i < plan->n_claims; i++)
        if (plan->claims[i].range.start == range->start)
            return true;
    return false;
}

int change_add_hold(struct plan *plan, enum step_kind kind, const struct record_system *system,
                    const struct guid *partition, struct extent after, struct err *e)
{
    const struct survey_partition *esp = survey_esp(plan->survey);
    struct step *step = plan_add_step(plan, kind, system->name, e);

    if (step == NULL)
        return -1;
    if (esp == NULL)
        return err_set(e, ERR_REFUSED, "the disk's boot menu, which has %s, is not there",
                       system->name);
    step->partition = *partition;
    step->to = after;
    step->durability = DURABILITY_ATOMIC;
    plan_touch(step, esp->range);
    step->text =
        kind == STEP_HOLD
            ? io_format(e, "keep the menu from booting %s until this is done", system->name)
            : io_format(e, "let the menu boot %s again", system->name);
    if (step->text == NULL)
        return -1;
    if (is_claimed(plan, &esp->range) || esp->mountpoint != NULL)
        return 0;
    return plan_add_claim(plan, esp->range, io_format(e, "the ESP"), e);
}

static int add_hold(struct plan *plan, enum step_kind kind, const struct pending *pending,
                    struct err *e)
{
    const struct record_system *system = record_owner(plan->survey->record, &pending->partition);

    return system == NULL
               ? 0
               : change_add_hold(plan, kind, system, &pending->partition, pending->to, e);
}

static int add_work(struct plan *plan, const struct pending *pending, struct err *e)
{
    bool moves = pending->op == HISTORY_MOVE;
    const char *name = pending->name != NULL ? pending->name : "";
    struct step *step =
        plan_add_step(plan, moves ? STEP_MOVE : STEP_RESIZE, *name != '\0' ? name : "partition", e);

    if (step == NULL)
        return -1;
    step->partition = pending->partition;
    step->number = pending->number;
    step->from = pending->from;
    step->to = pending->to;
    step->durability = DURABILITY_RESUMABLE;
    step->cost = pending->to.bytes;
    plan_touch(step, pending->from); /* and nothing of what lies between */
    plan_touch(step, pending->to);
    step->fs = pending->fs != NULL ? strdup(pending->fs) : NULL;
    if (pending->fs != NULL && step->fs == NULL)
        return err_no_memory(e);
    step->text = io_format(e, "finish %s %s", moves ? "moving" : "resizing",
                           table_title(pending->number, name).text);
    return step->text == NULL ? -1 : 0;
}

int change_add_finish(struct plan *plan, const struct pending *pending, struct err *e)
{
    const struct survey_partition *there = survey_by_uuid(plan->survey, &pending->partition);

    if (there == NULL)
        return err_set(e, ERR_REFUSED, "partition %u, which was worked on, has gone from the table",
                       pending->number);
    if (pending->journal != NULL) {
        err_set(e, ERR_REFUSED, "%s %s was interrupted, and the journal is in %s",
                pending->op == HISTORY_MOVE ? "moving" : "resizing",
                table_title(pending->number, pending->name).text, pending->journal);
        return err_hint(e, "finish that first: %s",
                        pending_command(pending, plan->survey->path, NULL).text);
    }
    plan->finishes = true;
    if (add_hold(plan, STEP_HOLD, pending, e) < 0 || add_work(plan, pending, e) < 0 ||
        add_hold(plan, STEP_RELEASE, pending, e) < 0)
        return -1;
    return plan_add_claim(plan, there->range, io_format(e, "partition %u", there->number), e);
}

static bool is_half_moved(const struct table *there, const struct table_entry *entry)
{
    const struct partition_type *moving = partition_type("moving");

    return there->kind == TABLE_MBR ? entry->code == moving->code
                                    : guid_equal(&entry->type, &moving->guid);
}

static bool may_be_lost(const struct change_options *options, const struct table *there,
                        const struct table_entry *entry)
{
    struct err ignored;

    for (size_t i = 0; i < options->n_lose; i++)
        if (table_find(there, options->lose[i], &ignored) == entry)
            return true;
    return false;
}

/* The GUID of a logical partition is another one's when it has gone: its place says more. */
static bool is_gone(const struct table *wanted, const struct table_entry *entry)
{
    for (size_t i = 0; i < wanted->n; i++)
        if (wanted->entries[i].range.start == entry->range.start)
            return false;
    return true;
}

bool change_ends_work(const struct table *there, const struct table *wanted,
                      const struct pending *pending)
{
    const struct table_entry *worked_on =
        table_entry_by_uuid((struct table *)there, &pending->partition);

    return wanted->kind == there->kind && wanted->n + 1 == there->n && worked_on != NULL &&
           is_gone(wanted, worked_on);
}

bool change_gives_up(const struct table *there, const struct change_options *options,
                     const struct pending *pending)
{
    const struct table_entry *entry =
        table_entry_by_uuid((struct table *)there, &pending->partition);

    return entry != NULL && may_be_lost(options, there, entry);
}

static int refuse_half_moved(unsigned number, const char *name, const char *path, struct err *e)
{
    struct shell_word disk = shell_quote(path);

    err_set(e, ERR_REFUSED, "%s is half moved or resized, and the journal is in a file",
            table_title(number, name).text);
    return err_hint(e,
                    "finish that first: berth disk finish %s --journal FILE; where the file is "
                    "lost, so is the partition: berth part rm %s %u --lose %u",
                    disk.text, disk.text, number, number);
}

bool change_loses_half_moved(const struct table *there, const struct table *wanted)
{
    for (size_t i = 0; i < there->n; i++)
        if (is_half_moved(there, &there->entries[i]) && is_gone(wanted, &there->entries[i]))
            return true;
    return false;
}

int change_check_half_moved(const struct table *there, const struct change_options *options,
                            const char *path, struct err *e)
{
    for (size_t i = 0; i < there->n; i++) {
        const struct table_entry *entry = &there->entries[i];

        if (!is_half_moved(there, entry) || may_be_lost(options, there, entry))
            continue;
        return refuse_half_moved(entry->number, entry->name, path, e);
    }
    return 0;
}

int change_refuse_half_moved(const struct survey *survey, struct err *e)
{
    for (size_t i = 0; i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];

        if (partition_type_is(&p->type, "moving"))
            return refuse_half_moved(p->number, p->name, survey->path, e);
    }
    return 0;
}
