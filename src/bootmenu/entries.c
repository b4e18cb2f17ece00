// SPDX-License-Identifier: GPL-3.0-or-later
/* entries.c: orders a record's systems for the boot menu. Pure; every system comes at most once. */
#include "bootmenu/menu.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <string.h>

static bool can_boot(const struct record_system *system)
{
    return (system->family == NULL || strcmp(system->family, "linux") == 0) &&
           !guid_is_zero(&system->fs_uuid);
}

static const struct menu_entry *find(const struct menu *menu, const char *name)
{
    for (size_t i = 0; name != NULL && i < menu->n; i++)
        if (strcmp(menu->entries[i].system->name, name) == 0)
            return &menu->entries[i];
    return NULL;
}

static int add(struct menu *menu, const struct record_system *system, struct err *e)
{
    const char *os = system->os;
    char *title;

    if (!can_boot(system) || find(menu, system->name) != NULL)
        return 0;
    title = os != NULL && *os != '\0' ? io_format(e, "%s (%s)", system->name, os)
                                      : io_format(e, "%s", system->name);
    if (title == NULL)
        return -1;
    menu->entries[menu->n++] = (struct menu_entry){system, title};
    return 0;
}

static int add_ordered(struct menu *menu, const struct record *record, struct err *e)
{
    for (size_t i = 0; i < record->n_menu_order; i++)
        for (size_t j = 0; j < record->n_systems; j++)
            if (strcmp(record->systems[j].name, record->menu_order[i]) == 0 &&
                add(menu, &record->systems[j], e) < 0)
                return -1;
    return 0;
}

static int add_rest(struct menu *menu, const struct record *record, bool hosts, struct err *e)
{
    for (size_t i = 0; i < record->n_systems; i++)
        if (record->systems[i].host == hosts && add(menu, &record->systems[i], e) < 0)
            return -1;
    return 0;
}

/* One that must not boot now is nobody's default, as long as there is another. */
static size_t choose_usual(const struct menu *menu, const struct record *record)
{
    const struct menu_entry *chosen = find(menu, record->menu_default);

    if (chosen != NULL && chosen->system->pending == NULL)
        return (size_t)(chosen - menu->entries);
    for (size_t i = 0; i < menu->n; i++)
        if (menu->entries[i].system->host && menu->entries[i].system->pending == NULL)
            return i;
    for (size_t i = 0; i < menu->n; i++)
        if (menu->entries[i].system->pending == NULL)
            return i;
    return 0;
}

static void choose_default(struct menu *menu, const struct record *record)
{
    menu->usual = choose_usual(menu, record);
    if (record->work != NULL && record->work->result == NULL)
        menu->work = record->work;
    if (record_work_is_urgent(record))
        menu->default_name = MENU_WORK;
    else if (menu->n > 0)
        menu->default_name = menu->entries[menu->usual].system->name;
}

int menu_entries(const struct record *record, struct menu *menu, struct err *e)
{
    *menu = (struct menu){.entries = calloc(record->n_systems + 1, sizeof(*menu->entries))};
    if (menu->entries == NULL)
        return err_no_memory(e);
    if (add_ordered(menu, record, e) < 0 || add_rest(menu, record, true, e) < 0 ||
        add_rest(menu, record, false, e) < 0) {
        menu_free(menu);
        return -1;
    }
    choose_default(menu, record);
    return 0;
}

void menu_free(struct menu *menu)
{
    for (size_t i = 0; i < menu->n; i++)
        free(menu->entries[i].title);
    free(menu->entries);
    *menu = (struct menu){0};
}
