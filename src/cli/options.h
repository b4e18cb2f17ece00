// SPDX-License-Identifier: GPL-3.0-or-later
/* options.h: a command's own options, as a table. */
#ifndef BERTH_CLI_OPTIONS_H
#define BERTH_CLI_OPTIONS_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
    OPTION_FLAG, /* slot: bool */
    OPTION_TEXT, /* slot: const char *, the last one given */
    OPTION_LIST, /* slot: struct option_list, all of them in order */
};

#define OPTION_LIST_MAX 64

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t n;
};

struct option_row {
    const char *name; /* without the dashes */
    enum option_kind kind;
    void *slot;
};

/* Parses argv by the table's n rows; what it names stays argv's. Exactly one operand is expected
 * when operand is not NULL, and none otherwise; `expected` says in words what (`one machine file`).
 * ERR_USAGE names the word that is wrong. */
int options_parse(int argc, char **argv, const struct option_row *rows, size_t n,
                  const char **operand, const char *expected, struct err *e);

#endif
