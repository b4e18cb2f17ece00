// SPDX-License-Identifier: GPL-3.0-or-later
/* change_steps.c: the steps that work on a single partition, in words and with all they touch.
 * Pure. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/change_parts.h"

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

/* The part's entry in the state; the table may have given it another GUID by now. */
static struct table_entry *entry_now(struct planner *p, const struct change_part *part)
{
    struct table_entry *entry = table_entry_by_uuid(p->state, &part->there->uuid);

    return entry != NULL ? entry : table_entry_by_uuid(p->state, &part->wanted->uuid);
}

/* The entry's range in the state becomes that. */
static int set_range(struct planner *p, const struct change_part *part, struct extent range,
                     struct err *e)
{
    struct table_entry *entry = entry_now(p, part);

    if (entry == NULL)
        return err_set(e, ERR_FAILED, "partition %u is not in the table", part->there->number);
    entry->range = range;
    return 0;
}

uint64_t change_moved_bytes(const struct change_part *part)
{
    uint64_t old = part->there->range.bytes, new = part->wanted->range.bytes;

    return new < old ? new : old;
}

int change_emit_resize(struct planner *p, const struct change_part *part, struct extent from,
                       struct extent to, struct err *e)
{
    bool grows = to.bytes > from.bytes;
    const struct table_entry *entry = entry_now(p, part);
    struct step *step = add_step(p, STEP_RESIZE, part, e);
    char old[SIZE_TEXT], new[SIZE_TEXT];

    if (step != NULL && entry != NULL)
        step->partition = entry->uuid;
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
        keep_text(&step->mountpoint, part->found->mountpoint, e) < 0 ||
        (grows && !change_moves(part) && change_lose_free(p->facts, step, part, e) < 0))
        return -1;
    return set_range(p, part, to, e);
}

/* True when the table can have the entry over both places while it is copied: boot records of other
 * logical partitions then go elsewhere first. */
static bool can_span(const struct planner *p, const struct step *step)
{
    struct blockdev shape = {.bytes = p->facts->survey->bytes,
                             .sector = p->facts->survey->sector,
                             .name = p->facts->survey->path};
    struct err ignored;
    _cleanup_table_ struct table *table = table_copy(p->state, &ignored);
    struct table_entry *entry = table != NULL ? table_entry_by_uuid(table, &step->partition) : NULL;

    if (entry == NULL)
        return false;
    entry->ebr = 0;
    entry->range = extent_union(&step->from, &step->to);
    return table_validate(table, &shape, &ignored) == 0;
}

/* What is copied must not overwrite the boot record of another logical partition. */
static int check_records(const struct planner *p, const struct step *step, struct err *e)
{
    const struct table_entry *record = NULL;

    for (size_t i = 0; i < p->state->n; i++) {
        const struct table_entry *other = &p->state->entries[i];

        if (other->number != step->number && other->ebr >= step->to.start &&
            other->ebr < extent_end(&step->to))
            record = other;
    }
    if (record == NULL || can_span(p, step))
        return 0;
    err_set(e, ERR_REFUSED, "the boot record of partition %u lies where partition %u shall go",
            record->number, step->number);
    return err_hint(e, "it is at byte %llu: choose a start that leaves it out",
                    (unsigned long long)record->ebr);
}

int change_emit_move(struct planner *p, const struct change_part *part, struct err *e)
{
    struct step *step = add_step(p, STEP_MOVE, part, e);
    char size[SIZE_TEXT];
    const char *fs = part->found->fs != NULL ? part->found->fs : "data";

    if (step == NULL || change_touch_table(step, p->state, p->facts->survey, e) < 0)
        return -1;
    step->from = (struct extent){part->there->range.start, change_moved_bytes(part)};
    step->to = (struct extent){part->wanted->range.start, change_moved_bytes(part)};
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
    if (step->text == NULL || (part->fs != NULL && keep_text(&step->fs, part->fs->name, e) < 0) ||
        change_lose_free(p->facts, step, part, e) < 0)
        return -1;
    return set_range(p, part, step->to, e);
}

int change_emit_format(struct planner *p, const struct change_part *part, struct err *e)
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
                  e) < 0 ||
        change_lose_free(p->facts, step, part, e) < 0)
        return -1;
    if (part->has_content) {
        _cleanup_free_ char *what = change_describe(part, e);

        return what == NULL ? -1 : plan_lose(step, io_format(e, "everything in %s", what), e);
    }
    return 0;
}

int change_emit_wipe(struct planner *p, const struct change_part *part, struct err *e)
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
    return part->has_content
               ? plan_lose(step, io_format(e, "the signatures by which %s is found", what), e)
               : 0;
}

int change_emit_unwipe(struct planner *p, const struct change_part *part, struct err *e)
{
    struct step *step = add_step(p, STEP_UNWIPE, part, e);
    _cleanup_free_ char *what = change_describe(part, e);

    if (step == NULL || what == NULL)
        return -1;
    step->to = part->there->range;
    plan_touch(step, part->there->range);
    step->text = io_format(e, "put back the signatures that were wiped in %s", what);
    return step->text == NULL ? -1 : 0;
}
