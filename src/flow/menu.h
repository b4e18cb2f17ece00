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

#endif
