// SPDX-License-Identifier: GPL-3.0-or-later
/* menu.h: changes to the boot menu of a disk, outside of apply. */
#ifndef BERTH_FLOW_MENU_H
#define BERTH_FLOW_MENU_H

#include "core/err.h"
#include "model/record.h"

/* Reads the record and what boots next (*next: new or NULL). */
int menu_read(const char *disk, struct record **record, char **next, struct err *e);

/* What boots by itself; and what boots once, at the next start only. ERR_NOT_FOUND names the
 * systems there are. Both are one write that a power cut leaves undone or done. */
int menu_set_default(const char *disk, const char *name, struct err *e);
int menu_set_next(const char *disk, const char *name, struct err *e);

/* Changes the record as `change` says, with what boots next in the same session; nothing is written
 * when that returns 0, the record is committed when it returns 1. */
struct esp;
typedef int menu_change_fn(void *arg, struct esp *esp, struct record *record, struct err *e);
int menu_change(const char *disk, menu_change_fn *change, void *arg, struct err *e);

#endif
