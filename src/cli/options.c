// SPDX-License-Identifier: GPL-3.0-or-later
/* options.c: getopt_long by a table. */
#include "cli/options.h"

#include <getopt.h>

#define ROWS_MAX 16

static int take(const struct option_row *row, struct err *e)
{
    struct option_list *list = row->slot;

    if (row->kind == OPTION_FLAG) {
        *(bool *)row->slot = true;
    } else if (row->kind == OPTION_TEXT) {
        *(const char **)row->slot = optarg;
    } else {
        if (list->n == OPTION_LIST_MAX)
            return err_set(e, ERR_USAGE, "--%s is given too often", row->name);
        list->items[list->n++] = optarg;
    }
    return 0;
}

int options_parse(int argc, char **argv, const struct option_row *rows, size_t n,
                  const char **operand, const char *expected, struct err *e)
{
    struct option options[ROWS_MAX + 1] = {0};
    int found, row;

    for (size_t i = 0; i < n && i < ROWS_MAX; i++)
        options[i] = (struct option){
            rows[i].name, rows[i].kind == OPTION_FLAG ? no_argument : required_argument, NULL, 0};
    opterr = 0;
    optind = 0; /* GNU: start afresh */
    while ((found = getopt_long(argc, argv, ":", options, &row)) != -1) {
        if (found == ':')
            return err_set(e, ERR_USAGE, "%s: %s needs a value", argv[0], argv[optind - 1]);
        if (found != 0)
            return err_set(e, ERR_USAGE, "%s: there is no option %s", argv[0], argv[optind - 1]);
        if (take(&rows[row], e) < 0)
            return -1;
    }
    if (argc - optind != (operand != NULL))
        return err_set(e, ERR_USAGE, "%s: expected %s", argv[0], expected);
    if (operand != NULL)
        *operand = argv[optind];
    return 0;
}
