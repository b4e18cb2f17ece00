// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * plan_steps.c: the steps, in the order in which they are safe: the file, the table with new
 * partitions marked incomplete, their contents (the ESP first, systems last), the menu, and only
 * then what is removed.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "flow/change.h"
#include "intent/plan_parts.h"

#include <string.h>

static void touch_table(const struct plan *plan, struct step *step)
{
    struct extent usable = plan->table->usable;

    plan_touch(step, (struct extent){0, usable.start});
    plan_touch(step,
               (struct extent){extent_end(&usable), plan->survey->bytes - extent_end(&usable)});
    step->cost = step->touches[1].bytes * 2;
    step->durability = DURABILITY_ATOMIC;
}

/* "esp (300 MiB), bios (2 MiB)": the partitions the table does not have yet. */
static char *list_new(const struct plan *plan, struct err *e)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    char size[SIZE_TEXT];

    if (out == NULL) {
        err_no_memory(e);
        return NULL;
    }
    for (size_t i = 0, n = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];

        if (p->found == NULL)
            fprintf(out, "%s%s (%s)", n++ == 0 ? "" : ", ", p->wanted->name,
                    size_human(p->range.bytes, size, sizeof(size)));
    }
    fclose(out);
    return text;
}

static const struct plan_partition *find_restored(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_partitions; i++)
        if (plan->partitions[i].restore)
            return &plan->partitions[i];
    return NULL;
}

static char *table_text(const struct plan *plan, const char *list, struct err *e)
{
    const struct plan_partition *restored = find_restored(plan);

    if (plan->survey->table == TABLE_NONE)
        return io_format(e, "write a new GPT%s%s", *list != '\0' ? ": " : "", list);
    if (*list != '\0')
        return io_format(e, "add to the GPT: %s", list);
    if (restored != NULL)
        return io_format(e, "give %s its type in the GPT back: removing it was not finished",
                         restored->wanted->name);
    return io_format(e, "bring both copies of the partition table in line");
}

static int emit_table(struct plan *plan, struct err *e)
{
    _cleanup_free_ char *list = list_new(plan, e);
    struct step *step;

    if (list == NULL)
        return -1;
    if (*list == '\0' && !plan->survey->copies_differ && plan->survey->table != TABLE_NONE &&
        find_restored(plan) == NULL)
        return 0;
    step = plan_add_step(plan, STEP_TABLE, "the partition table", e);
    if (step == NULL)
        return -1;
    touch_table(plan, step);
    step->text = table_text(plan, list, e);
    return step->text == NULL ? -1 : 0;
}

static char *fill_text(const struct plan_partition *p, struct err *e)
{
    char size[SIZE_TEXT];

    size_human(p->range.bytes, size, sizeof(size));
    switch (p->content) {
    case CONTENT_ESP:
        return io_format(e, "make partition %u (%s, %s): FAT, GRUB for UEFI, the boot menu",
                         p->number, p->wanted->name, size);
    case CONTENT_BIOS:
        return io_format(e,
                         "make partition %u (%s, %s): GRUB for BIOS, and its boot code in sector 0",
                         p->number, p->wanted->name, size);
    case CONTENT_SYSTEM:
        return io_format(e, "install %s into partition %u (%s, ext4) from %s: %s", p->wanted->name,
                         p->number, size, p->image->name, p->image->os);
    case CONTENT_EXT4:
        return io_format(e, "make partition %u (%s, %s): an empty ext4", p->number, p->wanted->name,
                         size);
    case CONTENT_SWAP:
        return io_format(e, "make partition %u (%s, %s): swap", p->number, p->wanted->name, size);
    case CONTENT_NONE:
        break;
    }
    return io_format(e, "partition %u (%s, %s) stays without a filesystem", p->number,
                     p->wanted->name, size);
}

static uint64_t fill_cost(const struct plan_partition *p)
{
    switch (p->content) {
    case CONTENT_SYSTEM:
        return p->image->content_bytes;
    case CONTENT_ESP:
        return 8 * MIB;
    default:
        return MIB;
    }
}

static int emit_fill(struct plan *plan, const struct plan_partition *p, struct err *e)
{
    struct step *step = plan_add_step(plan, STEP_FILL, p->wanted->name, e);

    if (step == NULL)
        return -1;
    step->partition = p->uuid;
    step->durability = DURABILITY_RESUMABLE;
    step->cost = fill_cost(p);
    plan_touch(step, p->range);
    plan_touch(step, (struct extent){0, plan->table->usable.start});
    plan_touch(step, (struct extent){extent_end(&plan->table->usable),
                                     plan->survey->bytes - extent_end(&plan->table->usable)});
    step->text = fill_text(p, e);
    if (step->text == NULL)
        return -1;
    if (p->content == CONTENT_BIOS && plan->survey->boot_code)
        return plan_lose(step, io_format(e, "the boot code that is in sector 0 now"), e);
    return 0;
}

/* The ESP first: once it is there, its record says that the other boot partition is berth's too. */
static int emit_fills(struct plan *plan, struct err *e)
{
    for (int esp = 1; esp >= 0; esp--)
        for (size_t i = 0; i < plan->n_partitions; i++) {
            const struct plan_partition *p = &plan->partitions[i];

            if (p->fill && (p->content == CONTENT_ESP) == esp && emit_fill(plan, p, e) < 0)
                return -1;
        }
    return 0;
}

/* Growing goes by what the partition's own filesystem can (fs/fs.h). */
static int emit_grow(struct plan *plan, const struct plan_partition *p, struct err *e)
{
    const char *fs = p->content == CONTENT_SWAP ? "swap" : "ext4";
    struct step *step = plan_add_step(plan, STEP_RESIZE, p->wanted->name, e);
    char old[SIZE_TEXT], new[SIZE_TEXT];

    if (step == NULL)
        return -1;
    touch_table(plan, step);
    plan_touch(step, p->range);
    step->partition = p->uuid;
    step->number = p->number;
    step->from = p->found->range;
    step->to = p->range;
    step->cost += 16 * MIB;
    step->durability = p->found->mountpoint != NULL ? DURABILITY_FOREIGN : DURABILITY_RESUMABLE;
    step->fs = strdup(fs);
    step->mountpoint = p->found->mountpoint != NULL ? strdup(p->found->mountpoint) : NULL;
    step->text = io_format(e, "grow partition %u (%s, %s) with its files from %s to %s", p->number,
                           p->wanted->name, fs, size_exact(p->found->range.bytes, old, sizeof(old)),
                           size_exact(p->range.bytes, new, sizeof(new)));
    if (step->text == NULL)
        return -1;
    return step->fs == NULL || (p->found->mountpoint != NULL && step->mountpoint == NULL)
               ? err_no_memory(e)
               : 0;
}

/* A system whose partition is worked on must not boot meanwhile. */
static int emit_held_grow(struct plan *plan, const struct plan_partition *p, struct err *e)
{
    const struct record_system *system = record_owner(plan->survey->record, &p->uuid);

    if (system == NULL || p->found->mountpoint != NULL)
        return emit_grow(plan, p, e);
    if (change_add_hold(plan, STEP_HOLD, system, &p->uuid, p->range, e) < 0 ||
        emit_grow(plan, p, e) < 0)
        return -1;
    return change_add_hold(plan, STEP_RELEASE, system, &p->uuid, p->range, e);
}

static int emit_grows(struct plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->n_partitions; i++)
        if (plan->partitions[i].grow && emit_held_grow(plan, &plan->partitions[i], e) < 0)
            return -1;
    return 0;
}

static char *menu_text(const struct plan *plan, struct err *e)
{
    const struct record *record = plan->record;
    char *names = NULL, *text;
    size_t len;
    FILE *out = open_memstream(&names, &len);

    if (out == NULL) {
        err_no_memory(e);
        return NULL;
    }
    for (size_t i = 0; i < record->n_systems; i++)
        fprintf(out, "%s%s", i == 0 ? "" : ", ", record->systems[i].name);
    fclose(out);
    text = io_format(e, "commit the boot menu and the record: %s",
                     record->n_systems > 0 ? names : "no systems");
    free(names);
    return text;
}

static int emit_menu(struct plan *plan, struct err *e)
{
    const struct plan_partition *esp = NULL;
    struct step *step;

    if (plan->survey->record != NULL && record_equal(plan->survey->record, plan->record))
        return 0;
    for (size_t i = 0; i < plan->n_partitions; i++)
        if (plan->partitions[i].content == CONTENT_ESP)
            esp = &plan->partitions[i];
    if (esp == NULL) /* a disk of partitions alone (plan_match.c) */
        return 0;
    step = plan_add_step(plan, STEP_MENU, "menu", e);
    if (step == NULL)
        return -1;
    plan_touch(step, esp->range);
    step->cost = 512 * KIB;
    step->durability = DURABILITY_ATOMIC;
    step->text = menu_text(plan, e);
    return step->text == NULL ? -1 : 0;
}

/* Before the menu forgets them: a prune that is cut short can be completed by what is on the disk.
 */
static int emit_retire(struct plan *plan, struct err *e)
{
    struct step *step;
    size_t there = 0;

    for (size_t i = 0; i < plan->n_removed; i++)
        there += !survey_by_uuid(plan->survey, &plan->removed[i])->incomplete;
    if (there == 0)
        return 0;
    step = plan_add_step(plan, STEP_RETIRE, "the partition table", e);
    if (step == NULL)
        return -1;
    touch_table(plan, step);
    step->text = io_format(e, "mark what the file does not have as incomplete (--prune)");
    return step->text == NULL ? -1 : 0;
}

static int emit_remove(struct plan *plan, struct err *e)
{
    struct step *step;
    char size[SIZE_TEXT];

    if (plan->n_removed == 0)
        return 0;
    step = plan_add_step(plan, STEP_REMOVE, "the partition table", e);
    if (step == NULL)
        return -1;
    touch_table(plan, step);
    for (size_t i = 0; i < plan->n_removed; i++) {
        const struct survey_partition *p = survey_by_uuid(plan->survey, &plan->removed[i]);

        size_human(p->range.bytes, size, sizeof(size));
        if (plan_lose(step,
                      io_format(e, "partition %u, %s (%s), and everything in it", p->number,
                                p->name, size),
                      e) < 0)
            return -1;
    }
    step->text = io_format(e, "delete it from the GPT");
    return step->text == NULL ? -1 : 0;
}

/* What exists already and will be written: unfinished partitions, an unmounted ESP, and what is to
 * be removed, so that nobody uses it then. */
static int claim(struct plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];
        bool raw_esp =
            p->content == CONTENT_ESP && p->found != NULL && p->found->mountpoint == NULL;

        bool grows = p->grow && p->found->mountpoint == NULL;

        if (p->found != NULL && (p->fill || raw_esp || grows) &&
            plan_add_claim(plan, p->found->range, strdup(p->wanted->name), e) < 0)
            return -1;
    }
    for (size_t i = 0; i < plan->n_removed; i++) {
        const struct survey_partition *p = survey_by_uuid(plan->survey, &plan->removed[i]);

        if (plan_add_claim(plan, p->range, strdup(p->name), e) < 0)
            return -1;
    }
    return 0;
}

int plan_steps(struct plan *plan, struct err *e)
{
    if (plan_add_create(plan, e) < 0 || emit_table(plan, e) < 0 || emit_fills(plan, e) < 0 ||
        emit_grows(plan, e) < 0 || emit_retire(plan, e) < 0 || emit_menu(plan, e) < 0 ||
        emit_remove(plan, e) < 0 || claim(plan, e) < 0)
        return -1;
    return 0;
}
