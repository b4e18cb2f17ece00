// SPDX-License-Identifier: GPL-3.0-or-later
/* change_layout.c: the step that makes a partition table another one, in words and with all it
 * touches. Pure. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/change_parts.h"
#include "partition/attribute.h"
#include "partition/mbr.h"
#include "partition/type.h"

#include <string.h>

bool change_is_resized(const struct change_part *part)
{
    return change_shrinks_fs(part) || change_grows_fs(part);
}

int change_touch_table(struct step *step, const struct table *table, const struct survey *survey,
                       struct err *e)
{
    struct blockdev shape = {
        .bytes = survey->bytes, .sector = survey->sector, .name = survey->path};
    _cleanup_free_ struct extent *places = NULL;
    size_t n;

    if (table_places(table, &shape, &places, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        plan_touch(step, places[i]);
        if (places[i].bytes < MIB) /* of a free range, one sector may get a boot record */
            step->cost += places[i].bytes;
    }
    return 0;
}

int change_keep_layout(struct planner *p, const struct table *table, size_t *index, struct err *e)
{
    struct plan *plan = p->plan;
    struct table **grown = realloc(plan->layouts, (plan->n_layouts + 1) * sizeof(struct table *));
    struct table *copy;

    if (grown == NULL)
        return err_no_memory(e);
    plan->layouts = grown;
    copy = table_copy(table, e);
    if (copy == NULL)
        return -1;
    *index = plan->n_layouts;
    grown[plan->n_layouts++] = copy;
    return 0;
}

/* Numbers change when an MBR's logical partitions go; where a partition begins does not. */
static const struct change_part *part_at(const struct change_facts *facts, uint64_t start)
{
    for (size_t i = 0; i < facts->n; i++)
        if (facts->parts[i].there != NULL && facts->parts[i].there->range.start == start)
            return &facts->parts[i];
    return NULL;
}

static bool has_start(const struct table *table, uint64_t start)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start == start)
            return true;
    return false;
}

static bool entry_differs(const struct table_entry *a, const struct table_entry *b)
{
    return a->number != b->number || a->range.bytes != b->range.bytes ||
           a->range.start != b->range.start || !guid_equal(&a->type, &b->type) ||
           a->code != b->code || !guid_equal(&a->uuid, &b->uuid) ||
           a->attributes != b->attributes || strcmp(a->name, b->name) != 0;
}

static bool entry_changes(const struct change_part *part)
{
    return part->there == NULL || part->wanted == NULL || entry_differs(part->there, part->wanted);
}

static const char *kind_name(enum table_kind kind)
{
    return kind == TABLE_MBR ? "MBR" : "GPT";
}

/* ": size 2 GiB, named \"home\", type Linux swap": what becomes different. */
static void print_differences(FILE *out, const struct table_entry *old,
                              const struct table_entry *new)
{
    const struct partition_type *type =
        new->code != 0 ? partition_type_of_code(new->code) : partition_type_of(&new->type);
    const char *separator = ": ";
    char text[SIZE_TEXT], guid[GUID_TEXT], attributes[ATTRIBUTES_TEXT];

    if (old->number != new->number) {
        fprintf(out, "%snumber %u", separator, new->number);
        separator = ", ";
    }
    if (old->range.bytes != new->range.bytes) {
        fprintf(out, "%ssize %s", separator, size_human(new->range.bytes, text, sizeof(text)));
        separator = ", ";
    }
    if (strcmp(old->name, new->name) != 0) {
        fprintf(out, "%snamed \"%s\"", separator, new->name);
        separator = ", ";
    }
    if (!guid_equal(&old->type, &new->type) || old->code != new->code) {
        fprintf(out, "%stype %s", separator,
                type != NULL ? type->long_name : guid_print(&new->type, guid));
        separator = ", ";
    }
    if (old->attributes != new->attributes) {
        if (new->code != 0)
            fprintf(out, "%s%s", separator,
                    new->attributes &TABLE_ACTIVE ? "active" : "no longer active");
        else
            fprintf(out, "%sattributes: %s", separator,
                    attributes_print(new->attributes, attributes, sizeof(attributes)));
        separator = ", ";
    }
    if (!guid_equal(&old->uuid, &new->uuid) && new->code == 0)
        fprintf(out, "%sGUID %s", separator, guid_print(&new->uuid, guid));
}

static char *describe_new(const struct change_part *part, const char *what, struct err *e)
{
    const struct table_entry *entry = part->wanted;
    const struct partition_type *type =
        entry->code != 0 ? partition_type_of_code(entry->code) : partition_type_of(&entry->type);
    char guid[GUID_TEXT];

    return io_format(e, "add %s at byte %llu, of type %s%s", what,
                     (unsigned long long)entry->range.start,
                     type != NULL ? type->long_name : guid_print(&entry->type, guid),
                     (entry->attributes & TABLE_ACTIVE) != 0 ? ", active" : "");
}

static char *describe_differences(const char *what, const struct table_entry *old,
                                  const struct table_entry *new, struct err *e)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL) {
        err_no_memory(e);
        return NULL;
    }
    fprintf(out, "change %s", what);
    print_differences(out, old, new);
    fclose(out);
    return text;
}

/* "delete partition 2 (old, 5 GiB, ext4)"; empty where there is nothing to say. */
static char *describe_change(const struct change_part *part, const struct table *from,
                             const struct table *to, struct err *e)
{
    _cleanup_free_ char *what = change_describe(part, e);

    if (what == NULL)
        return NULL;
    if (part->there == NULL)
        return describe_new(part, what, e);
    if (table_entry_by_number((struct table *)from, part->there->number) == NULL)
        return strdup("");
    if (part->wanted == NULL)
        return io_format(e, "delete %s", what);
    return describe_differences(what, part->there,
                                table_entry_by_number((struct table *)to, part->wanted->number), e);
}

/* The frame of an MBR's logical partitions. */
static int add_extended(const struct table *from, const struct table *to, struct step *step,
                        struct err *e)
{
    const struct table_extended *old = &from->extended, *new = &to->extended;
    bool stays = old->range.start == new->range.start && old->range.bytes == new->range.bytes;
    char size[SIZE_TEXT];

    if (stays && old->code == new->code)
        return 0;
    if (stays)
        return plan_detail(step,
                           io_format(e, "change the extended partition %u: type %s", new->number,
                                     partition_type_of_code(new->code)->long_name),
                           e);
    if (new->range.bytes == 0)
        return plan_detail(step, io_format(e, "delete the extended partition %u", old->number), e);
    return plan_detail(step,
                       io_format(e, "%s the extended partition %u (%s) at byte %llu",
                                 old->range.bytes == 0 ? "add" : "change", new->number,
                                 size_human(new->range.bytes, size, sizeof(size)),
                                 (unsigned long long)new->range.start),
                       e);
}

/* Takes the text; an empty one says nothing. */
static int add_words(struct step *step, char *text, struct err *e)
{
    if (text == NULL)
        return -1;
    if (*text != '\0')
        return plan_detail(step, text, e);
    free(text);
    return 0;
}

/* One line for each partition that the layout changes. */
static int add_details(const struct change_facts *facts, const struct table *from,
                       const struct table *to, bool makes_room, struct step *step, struct err *e)
{
    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *part = &facts->parts[i];

        if (makes_room ? part->wanted != NULL && !change_is_cut(part)
                       : (!entry_changes(part) && part->format == NULL) ||
                             change_is_resized(part) || change_moves(part))
            continue;
        if (add_words(step, describe_change(part, from, to, e), e) < 0)
            return -1;
    }
    return makes_room ? 0 : add_extended(from, to, step, e);
}

/* A single change is told in the text itself. */
static int text_with_details(struct step *step, const char *verb, const char *kind, struct err *e)
{
    if (step->n_details != 1) {
        step->text = io_format(e, "%s the %s", verb, kind);
        step->n_changes = step->n_details;
        return step->text == NULL ? -1 : 0;
    }
    step->text = io_format(e, "%s the %s: %s", verb, kind, step->details[0]);
    free(step->details[0]);
    step->n_details = 0;
    return step->text == NULL ? -1 : 0;
}

/* What a table of the other kind has beside what comes with the kind; empty where that is all. What
 * moves, or is resized with its files, has a step of its own for it. */
static char *describe_converted(const struct change_part *part, enum table_kind kind, struct err *e)
{
    _cleanup_free_ char *what = change_describe(part, e);
    struct table_entry old;

    if (what == NULL)
        return NULL;
    if (part->there == NULL)
        return describe_new(part, what, e);
    old = table_entry_as(part->there, kind);
    old.uuid = part->wanted->uuid;
    if (kind == TABLE_MBR)
        old.number = part->wanted->number; /* which of them are logical is told of all */
    if (kind == TABLE_MBR && old.code == part->wanted->code)
        old.type = part->wanted->type;
    if (change_is_resized(part) || change_moves(part))
        old.range = part->wanted->range;
    return entry_differs(&old, part->wanted) ? describe_differences(what, &old, part->wanted, e)
                                             : strdup("");
}

static int add_converted(const struct change_facts *facts, enum table_kind kind, struct step *step,
                         struct err *e)
{
    for (size_t i = 0; i < facts->n; i++)
        if (facts->parts[i].wanted != NULL &&
            add_words(step, describe_converted(&facts->parts[i], kind, e), e) < 0)
            return -1;
    step->n_changes = step->n_details;
    return 0;
}

static const char *replaced_with(const struct change_facts *facts, const struct table *to,
                                 const struct step *step)
{
    if (to->n == 0)
        return "no partitions";
    for (size_t i = 0; i < facts->n; i++)
        if (facts->parts[i].there == NULL || facts->parts[i].wanted == NULL)
            return "other partitions";
    return step->n_changes > 0 ? "changed partitions" : "the same partitions";
}

/* The partitions stay the same. */
static char *describe_mending(const struct change_facts *facts, enum table_kind kind, struct err *e)
{
    const struct table *there = facts->there;
    bool stale = facts->options->repair && table_has_damage(there, DAMAGE_STALE_SIGNATURE);

    if (kind == TABLE_GPT)
        return io_format(e, "mend the GPT: write both copies anew");
    for (size_t i = 0; i < there->n_damage; i++)
        if (damage_is_of_chain(there->damage[i].kind))
            return io_format(
                e, "mend the MBR: end the chain of logical partitions before number %u%s",
                there->damage[i].number, stale ? ", and erase what is left of a GPT" : "");
    return io_format(e, "mend the MBR: erase what is left of a GPT");
}

/* Which partitions of a GPT an MBR has in an extended one. */
static int add_logicals(const struct change_facts *facts, const struct table *to, struct step *step,
                        struct err *e)
{
    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *part = &facts->parts[i];

        if (part->there == NULL || part->wanted == NULL || to->kind != TABLE_MBR ||
            part->there->number == part->wanted->number)
            continue;
        if (plan_detail(step,
                        io_format(e, "partition %u becomes the %s partition %u",
                                  part->there->number,
                                  part->wanted->number >= MBR_FIRST ? "logical" : "primary",
                                  part->wanted->number),
                        e) < 0)
            return -1;
    }
    return add_extended(&(struct table){0}, to, step, e);
}

static int describe_layout(const struct change_facts *facts, const struct table *from,
                           const struct table *to, bool makes_room, struct step *step,
                           struct err *e)
{
    if (from->kind != to->kind && from->kind != TABLE_NONE) {
        if (add_converted(facts, to->kind, step, e) < 0)
            return -1;
        step->text =
            io_format(e, "replace the %s by %s with %s", kind_name(from->kind),
                      to->kind == TABLE_MBR ? "an MBR" : "a GPT", replaced_with(facts, to, step));
        if (step->text != NULL && add_logicals(facts, to, step, e) < 0)
            return -1;
    } else if (to->n + from->n == 0 && to->extended.range.bytes + from->extended.range.bytes == 0)
        step->text = io_format(e, "write a new %s", kind_name(to->kind));
    else if (table_equal(from, to))
        step->text = describe_mending(facts, to->kind, e);
    else if (add_details(facts, from, to, makes_room, step, e) < 0)
        return -1;
    else
        return text_with_details(step,
                                 from->kind == TABLE_NONE                ? "write"
                                 : to->n + to->extended.range.bytes == 0 ? "empty"
                                                                         : "change",
                                 kind_name(to->kind), e);
    return step->text == NULL ? -1 : 0;
}

/* What is no longer within reach; its bytes stay, and are lost only where others come. */
static int lose_deleted(struct planner *p, struct step *step, const struct table *to, struct err *e)
{
    for (size_t i = 0; i < p->state->n; i++) {
        const struct change_part *part = part_at(p->facts, p->state->entries[i].range.start);
        _cleanup_free_ char *what = NULL;
        char *text;

        if (part == NULL || part->wanted != NULL || has_start(to, part->there->range.start))
            continue;
        what = change_describe(part, e);
        if (what == NULL)
            return -1;
        text = io_format(e, "%s: its bytes stay where they are until something else is put there",
                         what);
        if (change_is_given_up(p->facts, part) ? plan_lose(step, text, e) < 0
                                               : plan_detail(step, text, e) < 0)
            return -1;
    }
    return 0;
}

/* An MBR has no names, and its GUIDs follow from its id and the numbers. */
static int lose_names(const struct table *from, const struct table *to, struct step *step,
                      struct err *e)
{
    if (from->kind != TABLE_GPT || to->kind != TABLE_MBR || to->n == 0)
        return 0;
    return plan_lose(step, io_format(e, "the partitions' names, GUIDs and attributes"), e);
}

/* Another MBR than the one there leaves no GPT beside it. */
static int tell_erased(const struct planner *p, const struct table *to, struct step *step,
                       struct err *e)
{
    bool same = p->state->kind == TABLE_MBR && guid_equal(&p->state->uuid, &to->uuid);

    if (to->kind != TABLE_MBR || same || !table_has_damage(p->facts->there, DAMAGE_STALE_SIGNATURE))
        return 0;
    return plan_detail(step, io_format(e, "what is left of a GPT beside it is erased"), e);
}

static int lose_disk(const struct planner *p, struct step *step, struct err *e)
{
    if (!p->facts->disk_has_data)
        return 0;
    return plan_lose(step,
                     io_format(e,
                               p->facts->options->restores
                                   ? "what is now where the table goes on %s"
                                   : "whatever is on %s now",
                               p->facts->survey->path),
                     e);
}

/* What the table itself is written over. Of a partition that something is written into that step
 * says it. */
static int lose_under(const struct planner *p, struct step *step, struct err *e)
{
    const struct change_facts *facts = p->facts;

    for (size_t i = 0; i < facts->survey->n_partitions; i++) {
        const struct survey_partition *cut = &facts->survey->partitions[i];
        int taken = change_table_takes_end(facts, cut, e);

        if (taken < 0 || (taken > 0 && change_lose_end(step, cut, e) < 0))
            return -1;
    }
    for (size_t i = 0; i < facts->n; i++)
        if (*facts->parts[i].over_free != '\0' && !change_writes(&facts->parts[i]) &&
            plan_lose(step, io_format(e, "where a boot record goes: %s", facts->parts[i].over_free),
                      e) < 0)
            return -1;
    return *facts->under_frame == '\0'
               ? 0
               : plan_lose(step, io_format(e, "where a boot record goes: %s", facts->under_frame),
                           e);
}

int change_add_layout(struct planner *p, const struct table *to, bool makes_room, struct err *e)
{
    const struct survey *survey = p->facts->survey;
    struct step *step = plan_add_step(p->plan, STEP_LAYOUT, "the partition table", e);
    struct table *copy;

    if (step == NULL)
        return -1;
    step->durability = DURABILITY_ATOMIC;
    step->mends = p->facts->options->repair && table_equal(p->state, to);
    step->exact = p->facts->options->takes_back && !makes_room;
    if (describe_layout(p->facts, p->state, to, makes_room, step, e) < 0 ||
        change_keep_layout(p, to, &step->layout, e) < 0 ||
        change_touch_table(step, to, survey, e) < 0 || lose_deleted(p, step, to, e) < 0 ||
        lose_names(p->state, to, step, e) < 0 || tell_erased(p, to, step, e) < 0 ||
        lose_under(p, step, e) < 0 || lose_disk(p, step, e) < 0)
        return -1;
    copy = table_copy(to, e);
    if (copy == NULL)
        return -1;
    table_free(p->state);
    p->state = copy;
    return 0;
}
