// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * plan_steps.c: the steps, in the order in which they are safe: the file, the table with new
 * partitions marked incomplete, their contents (the ESP first, systems last), the menu, and only
 * then what is removed.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "flow/plan_parts.h"

#include <string.h>

static struct step *add_step(struct plan *plan, enum step_kind kind, const char *target,
                             struct err *e)
{
    struct step *grown = realloc(plan->steps, (plan->n_steps + 1) * sizeof(*grown));
    struct step *step;

    if (grown == NULL) {
        err_no_memory(e);
        return NULL;
    }
    plan->steps = grown;
    step = &grown[plan->n_steps];
    *step = (struct step){.kind = kind, .target = strdup(target)};
    if (step->target == NULL) {
        err_no_memory(e);
        return NULL;
    }
    plan->n_steps++;
    return step;
}

static void touch(struct step *step, struct extent range)
{
    step->touches[step->n_touches++] = range;
}

static int lose(struct step *step, char *text, struct err *e)
{
    char **grown = realloc(step->loses, (step->n_loses + 1) * sizeof(*grown));

    if (text == NULL || grown == NULL) {
        free(text);
        return err_no_memory(e);
    }
    step->loses = grown;
    grown[step->n_loses++] = text;
    return 0;
}

static int emit_create(struct plan *plan, struct err *e)
{
    char size[SIZE_TEXT];
    struct step *step;

    if (plan->survey->exists)
        return 0;
    step = add_step(plan, STEP_CREATE, plan->survey->path, e);
    if (step == NULL)
        return -1;
    step->durability = DURABILITY_ATOMIC;
    step->text = io_format(e, "make %s, a sparse file of %s", plan->survey->path,
                           size_exact(plan->survey->bytes, size, sizeof(size)));
    return step->text == NULL ? -1 : 0;
}

static void touch_table(const struct plan *plan, struct step *step)
{
    struct extent usable = plan->table->usable;

    touch(step, (struct extent){0, usable.start});
    touch(step, (struct extent){extent_end(&usable), plan->survey->bytes - extent_end(&usable)});
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
        return io_format(e, "write a new GPT: %s", list);
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
    step = add_step(plan, STEP_TABLE, "the partition table", e);
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
    struct step *step = add_step(plan, STEP_FILL, p->wanted->name, e);

    if (step == NULL)
        return -1;
    step->partition = p->uuid;
    step->durability = DURABILITY_RESUMABLE;
    step->cost = fill_cost(p);
    touch(step, p->range);
    touch(step, (struct extent){0, plan->table->usable.start});
    touch(step, (struct extent){extent_end(&plan->table->usable),
                                plan->survey->bytes - extent_end(&plan->table->usable)});
    step->text = fill_text(p, e);
    if (step->text == NULL)
        return -1;
    if (p->content == CONTENT_BIOS && plan->survey->boot_code)
        return lose(step, io_format(e, "the boot code that is in sector 0 now"), e);
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
    if (esp == NULL)
        return err_set(e, ERR_FAILED, "the machine has no EFI system partition");
    step = add_step(plan, STEP_MENU, "menu", e);
    if (step == NULL)
        return -1;
    touch(step, esp->range);
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
    step = add_step(plan, STEP_RETIRE, "the partition table", e);
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
    step = add_step(plan, STEP_REMOVE, "the partition table", e);
    if (step == NULL)
        return -1;
    touch_table(plan, step);
    for (size_t i = 0; i < plan->n_removed; i++) {
        const struct survey_partition *p = survey_by_uuid(plan->survey, &plan->removed[i]);

        size_human(p->range.bytes, size, sizeof(size));
        if (lose(step,
                 io_format(e, "partition %u, %s (%s), and everything in it", p->number, p->name,
                           size),
                 e) < 0)
            return -1;
    }
    step->text = io_format(e, "delete it from the GPT");
    return step->text == NULL ? -1 : 0;
}

int plan_steps(struct plan *plan, struct err *e)
{
    if (emit_create(plan, e) < 0 || emit_table(plan, e) < 0 || emit_fills(plan, e) < 0 ||
        emit_retire(plan, e) < 0 || emit_menu(plan, e) < 0 || emit_remove(plan, e) < 0)
        return -1;
    return 0;
}
