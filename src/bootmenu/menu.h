// SPDX-License-Identifier: GPL-3.0-or-later
/* menu.h: which entries the boot menu has, in which order. Pure: a record in, a list out. */
#ifndef BERTH_BOOTMENU_MENU_H
#define BERTH_BOOTMENU_MENU_H

#include "core/err.h"
#include "model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct menu_entry {
    const struct record_system *system; /* the record's; its name is the entry's id */
    char *title;                        /* "main (Debian GNU/Linux 12 (bookworm))" */
};

/* The id of the entry that does the record's work; no system can be called so. */
#define MENU_WORK "WORK"

static inline bool menu_is_work(const char *entry)
{
    return entry != NULL && strcmp(entry, MENU_WORK) == 0;
}

struct menu {
    struct menu_entry *entries;
    size_t n;
    const struct record_work *work; /* has an entry, behind those of the systems; or NULL */
    const char *default_name;       /* the entry that boots by itself; NULL when there is none */
    size_t usual;                   /* which entry that would be without the work; 0 of none */
};

/* Systems named by the menu's order come first, in that order, then the others: hosts, then guests,
 * each in the record's order. A system has an entry when it is a Linux whose root filesystem is
 * known. The default is the record's when it has an entry, else the host, else the first; but as
 * long as a system is half worked on, the work that finishes it comes before all of them. Freed
 * with menu_free; it points into the record. */
int menu_entries(const struct record *record, struct menu *menu, struct err *e);
void menu_free(struct menu *menu);

#define _cleanup_menu_ __attribute__((cleanup(menu_free)))

#endif
