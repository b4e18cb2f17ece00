// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * change_plan.c: the steps that make one table another, with what is in the partitions: what goes
 * first (its room may be needed), then shrinking, moving, the table as a whole, wiping, formatting,
 * and growing last. Each step leaves a disk that can be used, or a pending one that it completes
 * itself. Pure.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/change_parts.h"
#include "log/undo.h"
#include "partition/type.h"

#include <string.h>

static int claim_part(struct planner *p, const struct change_part *part, struct err *e)
{
    struct extent range;

    if (part->there == NULL || part->found->mountpoint != NULL)
        return 0;
    range = extent_on_disk(part->there->range, p->facts->survey->bytes);
    return range.bytes == 0 ? 0 : plan_add_claim(p->plan, range, change_describe(part, e), e);
}

static int emit_shrinks(struct planner *p, struct err *e)
{
    for (size_t i = 0; i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];
        struct extent to;

        if (!change_shrinks_fs(part))
            continue;
        to = (struct extent){part->there->range.start, part->wanted->range.bytes};
        if (change_emit_resize(p, part, part->there->range, to, e) < 0)
            return -1;
    }
    return 0;
}

static bool is_free_for(const struct table *state, const struct change_part *part)
{
    struct extent to = {part->wanted->range.start, change_moved_bytes(part)};

    for (size_t i = 0; i < state->n; i++)
        if (!guid_equal(&state->entries[i].uuid, &part->there->uuid) &&
            extent_overlaps(&state->entries[i].range, &to))
            return false;
    return true;
}

/* Each move in its turn, when the place it goes to is free. */
static int emit_moves(struct planner *p, struct err *e)
{
    _cleanup_free_ bool *done = calloc(p->facts->n + 1, sizeof(*done));
    const struct change_part *waiting = NULL;
    bool progress = true;

    if (done == NULL)
        return err_no_memory(e);
    while (progress) {
        progress = false;
        waiting = NULL;
        for (size_t i = 0; i < p->facts->n; i++) {
            const struct change_part *part = &p->facts->parts[i];

            if (done[i] || !change_moves(part))
                continue;
            if (!is_free_for(p->state, part)) {
                waiting = part;
                continue;
            }
            if (change_emit_move(p, part, e) < 0)
                return -1;
            done[i] = progress = true;
        }
    }
    if (waiting == NULL)
        return 0;
    err_set(e, ERR_REFUSED, "partition %u cannot be moved: others are where it shall go",
            waiting->there->number);
    return err_hint(e, "move one of them to free space first");
}

/* ---- systems of the menu ---- */

/* The power went between the end of the work and the word to the menu. */
static bool is_left_held(const struct record_system *system, const struct change_part *part)
{
    return system != NULL && system->pending != NULL &&
           guid_equal(&system->root, &part->there->uuid);
}

/* Holds or releases every system whose partitions are copied or resized. */
static int emit_holds(struct planner *p, enum step_kind kind, struct err *e)
{
    for (size_t i = 0; i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];
        bool worked_on =
            change_moves(part) || (change_is_resized(part) && part->found->mountpoint == NULL);
        const struct record_system *system =
            part->there != NULL ? record_owner(p->facts->survey->record, &part->there->uuid) : NULL;
        bool left = kind == STEP_RELEASE && is_left_held(system, part);

        if (system == NULL || part->wanted == NULL || (!worked_on && !left))
            continue;
        if (change_add_hold(p->plan, kind, system, &part->there->uuid, part->wanted->range, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- in order ---- */

static struct table *with_room(const struct planner *p, struct err *e)
{
    struct table *table = table_copy(p->state, e);

    for (size_t i = p->facts->n; table != NULL && i-- > 0;) {
        const struct change_part *part = &p->facts->parts[i];

        if (change_is_cut(part))
            table_entry_by_number(table, part->there->number)->range.bytes =
                part->wanted->range.bytes;
        else if (part->there != NULL && part->wanted == NULL)
            table_remove(table, part->there->number);
    }
    return table;
}

/* Deleting, and taking the end of what has no filesystem to shrink, comes first only where
 * something else needs the room. */
static int emit_room(struct planner *p, struct err *e)
{
    _cleanup_table_ struct table *table = NULL;
    bool makes_room = false, moves = false;

    for (size_t i = 0; i < p->facts->n; i++) {
        makes_room |= p->facts->parts[i].wanted == NULL || change_is_cut(&p->facts->parts[i]);
        moves |= change_moves(&p->facts->parts[i]);
    }
    if (!makes_room || !moves || p->facts->there->kind != p->facts->wanted->kind)
        return 0;
    table = with_room(p, e);
    return table == NULL ? -1 : change_add_layout(p, table, true, e);
}

/* The wanted table, with what will grow still at its old size, and what will be formatted marked.
 */
static struct table *middle_table(const struct planner *p, struct err *e)
{
    const struct partition_type *incomplete = partition_type("incomplete");
    struct table *table = table_copy(p->facts->wanted, e);

    for (size_t i = 0; table != NULL && i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];
        struct table_entry *entry =
            part->wanted != NULL ? table_entry_by_number(table, part->wanted->number) : NULL;

        if (entry == NULL)
            continue;
        if (change_grows_fs(part))
            entry->range.bytes = part->there->range.bytes;
        if (part->format != NULL) {
            entry->type = incomplete->guid;
            entry->code = table->kind == TABLE_MBR ? incomplete->code : 0;
        }
    }
    return table;
}

/* An undo mends what it may have left half done itself: not what lies beside an MBR. */
static bool can_be_mended(const struct table *there, const struct change_options *options)
{
    for (size_t i = 0; i < there->n_damage; i++)
        if (damage_mends(there->damage[i].kind) &&
            !(options->takes_back && there->damage[i].kind == DAMAGE_STALE_SIGNATURE))
            return true;
    return false;
}

/* The same partitions, and the chain of their boot records changes. */
static bool ends_chain(const struct change_facts *facts)
{
    const struct table *there = facts->there;
    bool damaged = false;

    for (size_t i = 0; i < there->n_damage; i++)
        damaged |= damage_is_of_chain(there->damage[i].kind);
    return damaged && (facts->options->cures || facts->options->restores) &&
           there->kind == TABLE_MBR;
}

static int emit_whole(struct planner *p, struct err *e)
{
    _cleanup_table_ struct table *table = middle_table(p, e);

    if (table == NULL)
        return -1;
    if (table_equal(p->state, table) && !ends_chain(p->facts) &&
        !(p->facts->options->repair && can_be_mended(p->facts->there, p->facts->options)))
        return 0;
    return change_add_layout(p, table, false, e);
}

static int emit_contents(struct planner *p, struct err *e)
{
    for (size_t i = 0; i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];

        if (part->format != NULL && change_emit_format(p, part, e) < 0)
            return -1;
        if (change_is_wiped(p->facts, part) && change_emit_wipe(p, part, e) < 0)
            return -1;
        if (part->unwiped && change_emit_unwipe(p, part, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];
        struct extent from;

        if (!change_grows_fs(part))
            continue;
        from = (struct extent){part->wanted->range.start, part->there->range.bytes};
        if (change_emit_resize(p, part, from, part->wanted->range, e) < 0)
            return -1;
    }
    return 0;
}

/* Whoever is changed is taken for this alone. */
static int claim_all(struct planner *p, struct err *e)
{
    for (size_t i = 0; i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];
        bool changes = part->there != NULL &&
                       (part->wanted == NULL || part->format != NULL || change_moves(part) ||
                        part->there->range.bytes != part->wanted->range.bytes ||
                        change_is_wiped(p->facts, part) || part->unwiped);

        if (changes && claim_part(p, part, e) < 0)
            return -1;
    }
    return 0;
}

static int note_size(struct planner *p, const struct change_part *part, struct err *e)
{
    char size[SIZE_TEXT];

    if (part->alone && survey_overhang(part->found).bytes > 0)
        return plan_note(p->plan, e,
                         "partition %u: its %s has %s and stays so: its entry alone is put right",
                         part->there->number, part->fs->name,
                         size_exact(part->found->fs_bytes, size, sizeof(size)));
    if (part->alone && part->found->fs_bytes > part->wanted->range.bytes)
        return plan_note(p->plan, e,
                         "partition %u: its %s has %s and is cut short again: its entry alone is "
                         "put back, and the end of it lies behind that, as it did",
                         part->there->number, part->fs->name,
                         size_exact(part->found->fs_bytes, size, sizeof(size)));
    if (part->alone)
        return 0;
    if (change_needs_mount(part) && p->facts->in_appliance)
        return plan_note(p->plan, e,
                         "partition %u: its %s is mounted in a virtual machine for that",
                         part->there->number, part->fs->name);
    if (part->there == NULL || part->wanted == NULL || part->format != NULL ||
        part->wanted->range.bytes <= part->there->range.bytes || change_grows_fs(part))
        return 0;
    if (part->fs != NULL && part->fs->grow != NULL)
        return plan_note(p->plan, e, "partition %u: %s %s stays as large as it is: %s",
                         part->there->number, part->fs->locked != NULL ? "what is in its" : "its",
                         part->fs->name, part->fs->grow);
    return part->found->member == NULL
               ? 0
               : plan_note(p->plan, e, "partition %u is a %s: it uses the room when it is told to",
                           part->there->number, part->found->member);
}

/* The tool works on an overlay, so that nothing was written when it fails; the kernel puts back
 * what it began. */
static int note_fit(struct planner *p, const struct change_part *part, struct err *e)
{
    char size[SIZE_TEXT];

    if (!change_may_not_fit(part))
        return 0;
    return plan_note(p->plan, e,
                     "partition %u: what its %s holds may not fit into %s, which is found out by "
                     "trying%s; when it does not fit, it stays as it is",
                     part->there->number, part->fs->name,
                     size_exact(part->wanted->range.bytes, size, sizeof(size)),
                     part->fs->resize != NULL ? " on a copy" : "");
}

/* What cannot be made smaller is grown for good. */
static int note_growth(struct planner *p, const struct change_part *part, struct err *e)
{
    if (!change_grows_fs(part) || part->fs->shrink == NULL || part->fs->shrink_mounted != NULL)
        return 0;
    return plan_note(p->plan, e,
                     "partition %u: its %s cannot be made smaller again, by `berth disk undo` "
                     "neither",
                     part->there->number, part->fs->name);
}

static int note_label(struct planner *p, const struct change_part *part, struct err *e)
{
    if (part->format == NULL || !part->unlabelled)
        return 0;
    return plan_note(p->plan, e,
                     "partition %u: %s takes no label %s, so it gets none; --label gives it one",
                     part->wanted->number, part->format->fs, shell_quote(part->wanted->name).text);
}

/* mkfs writes in many places; what was there is not kept. A new partition goes with what it has. */
static int note_formats(struct planner *p, struct err *e)
{
    for (size_t i = 0; i < p->facts->n; i++)
        if (p->facts->parts[i].format != NULL && !undo_covers(p->plan))
            return plan_note(p->plan, e, "`berth disk undo` does not take back a new filesystem");
    return 0;
}

static int make_steps(struct planner *p, struct err *e)
{
    if (emit_holds(p, STEP_HOLD, e) < 0 || emit_room(p, e) < 0 || emit_shrinks(p, e) < 0 ||
        emit_moves(p, e) < 0 || emit_whole(p, e) < 0 || emit_contents(p, e) < 0 ||
        emit_holds(p, STEP_RELEASE, e) < 0 || claim_all(p, e) < 0)
        return -1;
    for (size_t i = 0; i < p->facts->n; i++)
        if (note_size(p, &p->facts->parts[i], e) < 0 || note_fit(p, &p->facts->parts[i], e) < 0 ||
            note_growth(p, &p->facts->parts[i], e) < 0 || note_label(p, &p->facts->parts[i], e) < 0)
            return -1;
    return note_formats(p, e);
}

/* A table goes altogether only when its making is undone; one that was damaged comes back. */
static int make_restore(struct planner *p, struct err *e)
{
    const struct table *returns = p->facts->returns;
    struct step *step = plan_add_step(p->plan, STEP_RESTORE, "the partition table", e);

    if (step == NULL || change_touch_table(step, p->state, p->facts->survey, e) < 0 ||
        (returns != NULL && (change_touch_table(step, returns, p->facts->survey, e) < 0 ||
                             change_keep_layout(p, returns, &step->layout, e) < 0)))
        return -1;
    step->text = io_format(e, "put back what was there before the partition table was written");
    return step->text == NULL || claim_all(p, e) < 0 ? -1 : 0;
}

struct plan *change_plan(const struct change_facts *facts, struct err *e)
{
    _cleanup_plan_ struct plan *plan = calloc(1, sizeof(*plan));
    struct planner planner = {.facts = facts, .plan = plan};
    int result = -1;

    if (plan == NULL) {
        err_no_memory(e);
        return NULL;
    }
    plan->survey = facts->survey;
    plan->takes_back = facts->options->takes_back;
    if (change_check(facts, e) < 0)
        return NULL;
    planner.state = table_copy(facts->there, e);
    if (planner.state != NULL && plan_add_create(plan, e) == 0)
        result =
            facts->wanted->kind == TABLE_NONE ? make_restore(&planner, e) : make_steps(&planner, e);
    table_free(planner.state);
    return result < 0 ? NULL : steal(plan);
}
