// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * change_plan.c: the steps that make one table another, with what is in the partitions: what goes
 * first (its room may be needed), then shrinking, moving, the table as a whole, wiping, formatting,
 * and growing last. Each step leaves a disk that can be used, or a pending one that it completes
 * itself. Pure.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/change_parts.h"
#include "partition/type.h"

#include <string.h>

static struct step *add_step(struct planner *p, enum step_kind kind, const struct change_part *part,
                             struct err *e)
{
    const struct table_entry *entry = part->there != NULL ? part->there : part->wanted;
    char number[32];
    struct step *step;

    snprintf(number, sizeof(number), "partition %u", entry->number);
    step = plan_add_step(p->plan, kind, *entry->name != '\0' ? entry->name : number, e);
    if (step == NULL)
        return NULL;
    step->partition = entry->uuid;
    step->number = entry->number;
    step->durability = DURABILITY_RESUMABLE;
    return step;
}

static int keep_text(char **slot, const char *text, struct err *e)
{
    *slot = text != NULL ? strdup(text) : NULL;
    return text != NULL && *slot == NULL ? err_no_memory(e) : 0;
}

/* ---- single partitions ---- */

static int claim_part(struct planner *p, const struct change_part *part, struct err *e)
{
    if (part->there == NULL || part->found->mountpoint != NULL || part->there->range.bytes == 0)
        return 0;
    return plan_add_claim(p->plan, part->there->range, change_describe(part, e), e);
}

/* The entry's range in the state becomes that. */
static int set_range(struct planner *p, const struct change_part *part, struct extent range,
                     struct err *e)
{
    struct table_entry *entry = table_entry_by_uuid(p->state, &part->there->uuid);

    if (entry == NULL)
        return err_set(e, ERR_FAILED, "partition %u is not in the table", part->there->number);
    entry->range = range;
    return 0;
}

static int emit_resize(struct planner *p, const struct change_part *part, struct extent from,
                       struct extent to, struct err *e)
{
    bool grows = to.bytes > from.bytes;
    struct step *step = add_step(p, STEP_RESIZE, part, e);
    char old[SIZE_TEXT], new[SIZE_TEXT];

    if (step == NULL || change_touch_table(step, p->state, p->facts->survey, e) < 0)
        return -1;
    step->from = from;
    step->to = to;
    step->cost += grows ? 16 * MIB : from.bytes / 16;
    plan_touch(step, grows ? to : from);
    if (part->found->mountpoint != NULL || change_needs_mount(part))
        step->durability = DURABILITY_FOREIGN;
    step->text =
        io_format(e, "%s partition %u (%s%s%s) with its files from %s to %s%s%s",
                  grows ? "grow" : "shrink", part->there->number, part->there->name,
                  *part->there->name != '\0' ? ", " : "", part->fs->name,
                  size_exact(from.bytes, old, sizeof(old)), size_exact(to.bytes, new, sizeof(new)),
                  part->found->mountpoint != NULL ? ", while it is mounted on " : "",
                  part->found->mountpoint != NULL ? part->found->mountpoint : "");
    if (step->text == NULL || keep_text(&step->fs, part->fs->name, e) < 0 ||
        keep_text(&step->mountpoint, part->found->mountpoint, e) < 0)
        return -1;
    return set_range(p, part, to, e);
}

static int emit_shrinks(struct planner *p, struct err *e)
{
    for (size_t i = 0; i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];
        struct extent to;

        if (!change_shrinks_fs(part))
            continue;
        to = (struct extent){part->there->range.start, part->wanted->range.bytes};
        if (emit_resize(p, part, part->there->range, to, e) < 0)
            return -1;
    }
    return 0;
}

/* What a move has to keep: all of the partition, or the part that is wanted of it. */
static uint64_t moved_bytes(const struct change_part *part)
{
    uint64_t old = part->there->range.bytes, new = part->wanted->range.bytes;

    return new < old ? new : old;
}

static bool is_free_for(const struct table *state, const struct change_part *part)
{
    struct extent to = {part->wanted->range.start, moved_bytes(part)};

    for (size_t i = 0; i < state->n; i++)
        if (!guid_equal(&state->entries[i].uuid, &part->there->uuid) &&
            extent_overlaps(&state->entries[i].range, &to))
            return false;
    return true;
}

/* A move past other logical partitions cannot put their boot records out of its way first. */
static int check_records(const struct planner *p, const struct step *step, struct err *e)
{
    struct extent between = {
        extent_end(step->from.start < step->to.start ? &step->from : &step->to), 0};
    uint64_t end = step->from.start < step->to.start ? step->to.start : step->from.start;
    const struct table_entry *record = NULL;
    bool passes = false;

    between.bytes = end > between.start ? end - between.start : 0;
    for (size_t i = 0; i < p->state->n; i++) {
        const struct table_entry *other = &p->state->entries[i];

        passes |= between.bytes > 0 && extent_overlaps(&other->range, &between);
        if (other->number != step->number && other->ebr >= step->to.start &&
            other->ebr < extent_end(&step->to))
            record = other;
    }
    if (!passes || record == NULL)
        return 0;
    err_set(e, ERR_REFUSED, "the boot record of partition %u lies where partition %u shall go",
            record->number, step->number);
    return err_hint(e, "it is at byte %llu: choose a start that leaves it out",
                    (unsigned long long)record->ebr);
}

static int emit_move(struct planner *p, const struct change_part *part, struct err *e)
{
    struct step *step = add_step(p, STEP_MOVE, part, e);
    char size[SIZE_TEXT];
    const char *fs = part->found->fs != NULL ? part->found->fs : "data";

    if (step == NULL || change_touch_table(step, p->state, p->facts->survey, e) < 0)
        return -1;
    step->from = (struct extent){part->there->range.start, moved_bytes(part)};
    step->to = (struct extent){part->wanted->range.start, moved_bytes(part)};
    step->cost += step->to.bytes;
    if (check_records(p, step, e) < 0)
        return -1;
    plan_touch(step, step->from);
    plan_touch(step, step->to);
    step->text =
        io_format(e, "move partition %u (%s%s%s, %s) from byte %llu to byte %llu",
                  part->there->number, part->there->name, *part->there->name != '\0' ? ", " : "",
                  fs, size_human(step->to.bytes, size, sizeof(size)),
                  (unsigned long long)step->from.start, (unsigned long long)step->to.start);
    if (step->text == NULL || (part->fs != NULL && keep_text(&step->fs, part->fs->name, e) < 0))
        return -1;
    return set_range(p, part, step->to, e);
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
            if (emit_move(p, part, e) < 0)
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

static int emit_format(struct planner *p, const struct change_part *part, struct err *e)
{
    struct step *step = add_step(p, STEP_FORMAT, part, e);
    const struct wanted_format *format = part->format;
    char size[SIZE_TEXT];

    if (step == NULL || change_touch_table(step, p->state, p->facts->survey, e) < 0)
        return -1;
    plan_touch(step, part->wanted->range);
    step->partition = part->wanted->uuid;
    step->number = part->wanted->number;
    step->to = part->wanted->range;
    step->type = part->wanted->type;
    step->code = part->wanted->code;
    step->attributes = part->wanted->attributes;
    step->text = io_format(e, "make partition %u (%s%s%s): an empty %s", part->wanted->number,
                           part->wanted->name, *part->wanted->name != '\0' ? ", " : "",
                           size_human(part->wanted->range.bytes, size, sizeof(size)), format->fs);
    if (step->text == NULL || keep_text(&step->fs, format->fs, e) < 0 ||
        keep_text(&step->label,
                  *format->label != '\0'                             ? format->label
                  : *part->wanted->name != '\0' && !part->unlabelled ? part->wanted->name
                                                                     : NULL,
                  e) < 0)
        return -1;
    if (part->has_content) {
        _cleanup_free_ char *what = change_describe(part, e);

        return what == NULL ? -1 : plan_lose(step, io_format(e, "everything in %s", what), e);
    }
    return 0;
}

static int emit_wipe(struct planner *p, const struct change_part *part, struct err *e)
{
    struct step *step = add_step(p, STEP_WIPE, part, e);
    _cleanup_free_ char *what = change_describe(part, e);

    if (step == NULL || what == NULL)
        return -1;
    step->to = part->there->range;
    plan_touch(step, part->there->range);
    step->text = io_format(e, "overwrite every signature in %s", what);
    if (step->text == NULL)
        return -1;
    return part->has_content ? plan_lose(step, io_format(e, "%s is found no more", what), e) : 0;
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

static struct table *without_deleted(const struct planner *p, struct err *e)
{
    struct table *table = table_copy(p->state, e);

    for (size_t i = p->facts->n; table != NULL && i-- > 0;)
        if (p->facts->parts[i].there != NULL && p->facts->parts[i].wanted == NULL)
            table_remove(table, p->facts->parts[i].there->number);
    return table;
}

/* Deleting comes first only where something else needs the room. */
static int emit_deletes(struct planner *p, struct err *e)
{
    _cleanup_table_ struct table *table = NULL;
    bool deletes = false, moves = false;

    for (size_t i = 0; i < p->facts->n; i++) {
        deletes |= p->facts->parts[i].wanted == NULL;
        moves |= change_moves(&p->facts->parts[i]);
    }
    if (!deletes || !moves || p->facts->there->kind != p->facts->wanted->kind)
        return 0;
    table = without_deleted(p, e);
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

static bool can_be_mended(const struct table *there)
{
    for (size_t i = 0; i < there->n_damage; i++)
        if (damage_mends(there->damage[i].kind))
            return true;
    return false;
}

static int emit_whole(struct planner *p, struct err *e)
{
    _cleanup_table_ struct table *table = middle_table(p, e);

    if (table == NULL)
        return -1;
    if (table_equal(p->state, table) &&
        !(p->facts->options->repair && can_be_mended(p->facts->there)))
        return 0;
    return change_add_layout(p, table, false, e);
}

static int emit_contents(struct planner *p, struct err *e)
{
    for (size_t i = 0; i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];

        if (part->format != NULL && emit_format(p, part, e) < 0)
            return -1;
        if (change_is_wiped(p->facts, part) && emit_wipe(p, part, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < p->facts->n; i++) {
        const struct change_part *part = &p->facts->parts[i];
        struct extent from;

        if (!change_grows_fs(part))
            continue;
        from = (struct extent){part->wanted->range.start, part->there->range.bytes};
        if (emit_resize(p, part, from, part->wanted->range, e) < 0)
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
                        change_is_wiped(p->facts, part));

        if (changes && claim_part(p, part, e) < 0)
            return -1;
    }
    return 0;
}

static int note_size(struct planner *p, const struct change_part *part, struct err *e)
{
    if (part->there == NULL || part->wanted == NULL || part->format != NULL ||
        part->wanted->range.bytes <= part->there->range.bytes || change_grows_fs(part))
        return 0;
    if (part->fs != NULL && part->fs->grow != NULL)
        return plan_note(p->plan, e, "partition %u: its %s stays as large as it is: %s",
                         part->there->number, part->fs->name, part->fs->grow);
    return part->found->member == NULL
               ? 0
               : plan_note(p->plan, e, "partition %u is a %s: it uses the room when it is told to",
                           part->there->number, part->found->member);
}

static int make_steps(struct planner *p, struct err *e)
{
    if (emit_holds(p, STEP_HOLD, e) < 0 || emit_deletes(p, e) < 0 || emit_shrinks(p, e) < 0 ||
        emit_moves(p, e) < 0 || emit_whole(p, e) < 0 || emit_contents(p, e) < 0 ||
        emit_holds(p, STEP_RELEASE, e) < 0 || claim_all(p, e) < 0)
        return -1;
    for (size_t i = 0; i < p->facts->n; i++)
        if (note_size(p, &p->facts->parts[i], e) < 0)
            return -1;
    return 0;
}

/* A table goes altogether only when its making is undone. */
static int make_restore(struct planner *p, struct err *e)
{
    struct step *step = plan_add_step(p->plan, STEP_RESTORE, "the partition table", e);

    if (step == NULL || change_touch_table(step, p->state, p->facts->survey, e) < 0)
        return -1;
    step->text = io_format(e, "put back what was there before the partition table was made");
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
    if (change_check(facts, e) < 0)
        return NULL;
    planner.state = table_copy(facts->there, e);
    if (planner.state != NULL && plan_add_create(plan, e) == 0)
        result =
            facts->wanted->kind == TABLE_NONE ? make_restore(&planner, e) : make_steps(&planner, e);
    table_free(planner.state);
    return result < 0 ? NULL : steal(plan);
}
