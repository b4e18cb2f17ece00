// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * accounts.h: edits the text of passwd, shadow, group and gshadow (passwd(5), shadow(5), group(5),
 * gshadow(5)). Pure: text in, text out. Lines that are not concerned stay as they are.
 */
#ifndef BERTH_IMAGES_ACCOUNTS_H
#define BERTH_IMAGES_ACCOUNTS_H

#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

/* True when a line of the text is called name. */
bool accounts_have(const char *text, const char *name);

/* The lowest number from 1000 up that is neither a uid of passwd nor a gid of group; both have
 * their number in the third field. ERR_FAILED when none below 60000 is left. */
int accounts_free_id(const char *passwd, const char *group, uint32_t *id, struct err *e);

/* Appends a line (without newline), whether or not the text ends in one. *text is replaced. */
int accounts_append(char **text, const char *line, struct err *e);

/* Sets field number `field` (from 0) of the line called name. ERR_NOT_FOUND without such a line or
 * field. *text is replaced. */
int accounts_set(char **text, const char *name, unsigned field, const char *value, struct err *e);

/* Adds user to the comma-separated last field (number 3) of the group's line, once. */
int accounts_join(char **text, const char *group, const char *user, struct err *e);

#endif
