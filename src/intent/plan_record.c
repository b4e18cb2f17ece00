// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * plan_record.c: the record as it shall be. What the record has and the file has not stays, unless
 * it is to be pruned.
 */
#include "core/cleanup.h"
#include "intent/plan_parts.h"
#include "intent/settings.h"
#include "partition/type.h"

#include <string.h>

static int set_string(char **slot, const char *text, struct err *e)
{
    char *copy = text != NULL ? strdup(text) : NULL;

    if (text != NULL && copy == NULL)
        return err_no_memory(e);
    free(*slot);
    *slot = copy;
    return 0;
}

static struct record_volume *find_volume(struct record_system *system, const char *name)
{
    for (size_t i = 0; i < system->n_volumes; i++)
        if (strcmp(system->volumes[i].name, name) == 0)
            return &system->volumes[i];
    return NULL;
}

static int add_volume(struct record_system *system, const char *name, struct err *e)
{
    struct record_volume *grown =
        realloc(system->volumes, (system->n_volumes + 1) * sizeof(*grown));

    if (grown == NULL)
        return err_no_memory(e);
    system->volumes = grown;
    grown[system->n_volumes].name = strdup(name);
    if (grown[system->n_volumes].name == NULL)
        return err_no_memory(e);
    system->n_volumes++;
    return 0;
}

/* The volumes that the file gives the system, beside those that it has already. */
static int set_volumes(const struct plan *plan, const struct machine_system *wanted,
                       struct record_system *system, struct err *e)
{
    for (size_t i = 0; i < wanted->n_volumes; i++) {
        const char *name = wanted->volumes[i].name;

        if (find_volume(system, name) == NULL && add_volume(system, name, e) < 0)
            return -1;
        find_volume(system, name)->partition = plan_partition(plan, name)->uuid;
    }
    return 0;
}

/* The image's name; an image that was named by its path has none, and the record holds no paths. */
static const char *store_name(const struct image *image)
{
    return strchr(image->name, '/') == NULL ? image->name : NULL;
}

/* What is fixed when a system is made. */
static int record_made(const struct plan *plan, const struct machine_system *wanted,
                       const struct image *image, struct record_system *system, struct err *e)
{
    const struct plan_partition *root = plan_partition(plan, wanted->name);

    system->host = wanted->host;
    system->root = root->uuid;
    system->fs_uuid = root->fs_uuid;
    if (set_string(&system->family, image->family, e) < 0 ||
        set_string(&system->os, image->os, e) < 0 ||
        set_string(&system->image, store_name(image), e) < 0 ||
        set_string(&system->digest, image->digest, e) < 0)
        return -1;
    free(system->settings);
    system->settings = settings_of(wanted, &root->uuid, e);
    return system->settings == NULL ? -1 : 0;
}

/* What follows the file at every apply. */
static int record_converging(const struct plan *plan, const struct machine_system *wanted,
                             struct record_system *system, struct err *e)
{
    if (set_volumes(plan, wanted, system, e) < 0)
        return -1;
    system->bytes = plan_partition(plan, wanted->name)->range.bytes;
    system->memory = wanted->run.memory;
    system->cpus = wanted->run.cpus;
    if (set_string(&system->kernel_options, wanted->kernel_options, e) < 0 ||
        set_string(&system->net, wanted->run.net, e) < 0 ||
        set_string(&system->engine, wanted->run.engine, e) < 0)
        return -1;
    return 0;
}

/* What applies only when a system is made, and has changed in the file since: it is told. */
static int note_differences(struct plan *plan, const struct machine_system *wanted,
                            const struct image *image, const struct record_system *system,
                            struct err *e)
{
    _cleanup_free_ char *settings = settings_of(wanted, &system->root, e), *keys = NULL;

    if (settings == NULL)
        return -1;
    if (system->digest != NULL && strcmp(system->digest, image->digest) != 0 &&
        plan_note(
            plan, e,
            "%s was made from another image (%s, %.19s...) than %s (%.19s...) is now: nothing "
            "is installed again",
            system->name, system->image != NULL ? system->image : "a file", system->digest,
            image->name, image->digest) < 0)
        return -1;
    keys = settings_difference(system->settings, settings);
    if (keys == NULL)
        return 0;
    return plan_note(plan, e,
                     "%s was made with other settings than the file has now (%s): they stay as "
                     "they were made",
                     system->name, keys);
}

static int record_one(struct plan *plan, const struct machine_system *wanted,
                      const struct image *image, struct err *e)
{
    struct record_system *system = record_system(plan->record, wanted->name);
    bool made = system != NULL && !plan_partition(plan, wanted->name)->fill;

    if (system == NULL)
        system = record_add_system(plan->record, wanted->name, e);
    if (system == NULL)
        return -1;
    if (made ? note_differences(plan, wanted, image, system, e) < 0
             : record_made(plan, wanted, image, system, e) < 0)
        return -1;
    return record_converging(plan, wanted, system, e);
}

static bool is_used(const struct plan *plan, const struct survey_partition *there)
{
    for (size_t i = 0; i < plan->n_partitions; i++)
        if (plan->partitions[i].found == there)
            return true;
    for (size_t i = 0; i < plan->n_removed; i++)
        if (guid_equal(&plan->removed[i], &there->uuid))
            return true;
    return false;
}

/* The ESP can be written by every system of the disk, so the record alone is no reason to delete
 * anything: the partition must be called what the record calls it, must not be one that the file
 * names, and must hold no boot loader. */
static int mark_removed(struct plan *plan, const struct guid *uuid, const char *name, struct err *e)
{
    const struct survey_partition *there = survey_by_uuid(plan->survey, uuid);

    if (there == NULL || is_used(plan, there))
        return 0;
    if (strcmp(there->name, name) != 0 || partition_type_is(&there->type, "esp") ||
        partition_type_is(&there->type, "bios-boot"))
        return plan_note(plan, e, "partition %u (%s) is not what the record calls %s: it stays",
                         there->number, there->name, name);
    plan->removed[plan->n_removed++] = *uuid;
    return 0;
}

/* A system of the record that the file does not have. */
static int prune_one(struct plan *plan, const struct record_system *system, struct err *e)
{
    _cleanup_free_ char *name = strdup(system->name);

    if (name == NULL)
        return err_no_memory(e);
    if (mark_removed(plan, &system->root, name, e) < 0)
        return -1;
    for (size_t i = 0; i < system->n_volumes; i++)
        if (mark_removed(plan, &system->volumes[i].partition, system->volumes[i].name, e) < 0)
            return -1;
    if (plan->record->menu_default != NULL && strcmp(plan->record->menu_default, name) == 0) {
        free(plan->record->menu_default);
        plan->record->menu_default = NULL;
    }
    record_remove_system(plan->record, name);
    return 0;
}

/* What an interrupted apply or prune has left behind: nobody's, and marked so. */
static void prune_incomplete(struct plan *plan)
{
    for (size_t i = 0; i < plan->survey->n_partitions; i++) {
        const struct survey_partition *there = &plan->survey->partitions[i];

        if (there->incomplete && !is_used(plan, there) &&
            table_entry_by_uuid(plan->table, &there->uuid) != NULL)
            plan->removed[plan->n_removed++] = there->uuid;
    }
}

static int prune(struct plan *plan, struct err *e)
{
    plan->removed = calloc(plan->survey->n_partitions + 1, sizeof(*plan->removed));
    if (plan->removed == NULL)
        return err_no_memory(e);
    for (size_t i = plan->record->n_systems; i-- > 0;) {
        const struct record_system *system = &plan->record->systems[i];

        /* A file without a host says nothing about the host. */
        if (!system->host && machine_system(plan->machine, system->name) == NULL &&
            prune_one(plan, system, e) < 0)
            return -1;
    }
    prune_incomplete(plan);
    return 0;
}

static int set_order(struct record *record, const struct strings *order, struct err *e)
{
    char **items = calloc(order->n + 1, sizeof(*items));

    if (items == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < record->n_menu_order; i++)
        free(record->menu_order[i]);
    free(record->menu_order);
    record->menu_order = items;
    record->n_menu_order = 0;
    for (size_t i = 0; i < order->n; i++) {
        items[i] = strdup(order->items[i]);
        if (items[i] == NULL)
            return err_no_memory(e);
        record->n_menu_order++;
    }
    return 0;
}

static int check_names(const struct plan *plan, const struct machine_menu *menu, struct err *e)
{
    if (menu->default_name != NULL && record_system(plan->record, menu->default_name) == NULL)
        return machine_error(plan->machine, menu->default_at, ERR_USAGE, e,
                             "menu.default: there is no system called %s", menu->default_name);
    for (size_t i = 0; i < menu->order.n; i++)
        if (record_system(plan->record, menu->order.items[i]) == NULL)
            return machine_error(plan->machine, menu->order_at, ERR_USAGE, e,
                                 "menu.order: there is no system called %s", menu->order.items[i]);
    return 0;
}

static int record_menu(struct plan *plan, struct err *e)
{
    const struct machine_menu *menu = &plan->machine->menu;
    struct record *record = plan->record;

    if (!plan->machine->has_menu)
        return 0;
    if (check_names(plan, menu, e) < 0)
        return -1;
    if (menu->default_name != NULL && set_string(&record->menu_default, menu->default_name, e) < 0)
        return -1;
    if (menu->has_timeout)
        record->menu_timeout = menu->timeout;
    record->vga = menu->vga;
    record->serial = menu->serial;
    return menu->order.n > 0 ? set_order(record, &menu->order, e) : 0;
}

int plan_record(struct plan *plan, const struct image *images, bool prune_others, struct err *e)
{
    const struct machine *machine = plan->machine;

    plan->record =
        plan->survey->record != NULL ? record_copy(plan->survey->record, e) : record_new(e);
    if (plan->record == NULL ||
        (machine->name != NULL && set_string(&plan->record->machine, machine->name, e) < 0))
        return -1;
    plan->record->disk = plan->table->uuid;
    /* nothing is under way (plan_make): who is held still was left so by a power cut */
    for (size_t i = 0; i < plan->record->n_systems; i++)
        if (record_hold(plan->record, &plan->record->systems[i], NULL, e) < 0)
            return -1;
    for (size_t i = 0; i < machine->n_systems; i++)
        if (record_one(plan, &machine->systems[i], &images[i], e) < 0)
            return -1;
    if (prune_others && prune(plan, e) < 0)
        return -1;
    return record_menu(plan, e);
}
