// SPDX-License-Identifier: GPL-3.0-or-later
/* record.c: the record as plain data: making, copying, changing and freeing it. */
#include "model/record.h"
#include "core/cleanup.h"

#include <string.h>

#define TIMEOUT_DEFAULT 5 /* seconds */

struct record *record_new(struct err *e)
{
    struct record *record = calloc(1, sizeof(*record));

    if (record == NULL) {
        err_no_memory(e);
        return NULL;
    }
    record->level = RECORD_LEVEL;
    record->needs = 1;
    record->menu_timeout = TIMEOUT_DEFAULT;
    record->vga = record->serial = true;
    return record;
}

static void free_system(struct record_system *system)
{
    for (size_t i = 0; i < system->n_volumes; i++)
        free(system->volumes[i].name);
    free(system->volumes);
    free(system->name);
    free(system->family);
    free(system->os);
    free(system->image);
    free(system->digest);
    free(system->settings);
    free(system->kernel_options);
    free(system->net);
    free(system->engine);
    free(system->pending);
    json_decref(system->unknown);
}

static void free_work(struct record_work *work)
{
    if (work == NULL)
        return;
    free(work->text);
    free(work->result);
    json_decref(work->unknown);
    free(work);
}

void record_free(struct record *record)
{
    if (record == NULL)
        return;
    free_work(record->work);
    for (size_t i = 0; i < record->n_systems; i++)
        free_system(&record->systems[i]);
    free(record->systems);
    for (size_t i = 0; i < record->n_menu_order; i++)
        free(record->menu_order[i]);
    free(record->menu_order);
    free(record->menu_default);
    free(record->machine);
    json_decref(record->unknown);
    free(record);
}

void record_cleanup(struct record **record)
{
    record_free(*record);
}

struct record_system *record_system(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->n_systems; i++)
        if (strcmp(record->systems[i].name, name) == 0)
            return &record->systems[i];
    return NULL;
}

struct record_system *record_add_system(struct record *record, const char *name, struct err *e)
{
    _cleanup_free_ char *copy = strdup(name);
    struct record_system *systems, *added;

    systems = copy == NULL ? NULL
                           : reallocarray(record->systems, record->n_systems + 1, sizeof(*systems));
    if (systems == NULL) {
        err_no_memory(e);
        return NULL;
    }
    record->systems = systems;
    added = &systems[record->n_systems++];
    *added = (struct record_system){.name = steal(copy)};
    return added;
}

static void remove_from_order(struct record *record, const char *name)
{
    size_t kept = 0;

    for (size_t i = 0; i < record->n_menu_order; i++) {
        if (strcmp(record->menu_order[i], name) == 0)
            free(record->menu_order[i]);
        else
            record->menu_order[kept++] = record->menu_order[i];
    }
    record->n_menu_order = kept;
}

void record_remove_system(struct record *record, const char *name)
{
    struct record_system *system = record_system(record, name);
    size_t behind;

    if (system == NULL)
        return;
    /* The name may be the system's own, which goes away with it. */
    remove_from_order(record, system->name);
    behind = (size_t)(record->systems + record->n_systems - (system + 1));
    free_system(system);
    memmove(system, system + 1, behind * sizeof(*system));
    record->n_systems--;
}

/* Who does not know of pending systems and of work must not change such a record. */
static void set_needs(struct record *record)
{
    record->needs = record->work != NULL ? RECORD_LEVEL : 1;
    for (size_t i = 0; i < record->n_systems; i++)
        if (record->systems[i].pending != NULL)
            record->needs = RECORD_LEVEL;
    if (record->level < record->needs)
        record->level = record->needs;
}

int record_hold(struct record *record, struct record_system *system, const char *why, struct err *e)
{
    char *copy = why != NULL ? strdup(why) : NULL;

    if (why != NULL && copy == NULL)
        return err_no_memory(e);
    free(system->pending);
    system->pending = copy;
    set_needs(record);
    return 0;
}

int record_set_work(struct record *record, const char *text, const struct guid *partition,
                    struct err *e)
{
    struct record_work *work = NULL;

    if (text != NULL) {
        work = calloc(1, sizeof(*work));
        if (work == NULL || (work->text = strdup(text)) == NULL) {
            free_work(work);
            return err_no_memory(e);
        }
        work->partition = *partition;
    }
    free_work(record->work);
    record->work = work;
    set_needs(record);
    return 0;
}

bool record_work_is_urgent(const struct record *record)
{
    const struct record_work *work = record->work;
    const struct record_system *system =
        work != NULL ? record_owner(record, &work->partition) : NULL;

    return system != NULL && system->pending != NULL && work->result == NULL &&
           work->tries < RECORD_WORK_TRIES;
}

struct record_system *record_owner(const struct record *record, const struct guid *partition)
{
    for (size_t i = 0; record != NULL && i < record->n_systems; i++) {
        struct record_system *system = &record->systems[i];

        if (guid_equal(&system->root, partition))
            return system;
        for (size_t k = 0; k < system->n_volumes; k++)
            if (guid_equal(&system->volumes[k].partition, partition))
                return system;
    }
    return NULL;
}
