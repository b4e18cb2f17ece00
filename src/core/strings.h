// SPDX-License-Identifier: GPL-3.0-or-later
/* strings.h: a list of strings that owns them. */
#ifndef BERTH_CORE_STRINGS_H
#define BERTH_CORE_STRINGS_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

struct strings {
    char **items;
    size_t n;
};

/* True when list has the text. */
bool strings_have(const struct strings *list, const char *text);

/* Appends a copy of the first len bytes of text. */
int strings_add(struct strings *list, const char *text, size_t len, struct err *e);

void strings_clear(struct strings *list);

#define _cleanup_strings_ __attribute__((cleanup(strings_clear)))

#endif
