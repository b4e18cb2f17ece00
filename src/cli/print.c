// SPDX-License-Identifier: GPL-3.0-or-later
/* print.c: JSON and tables on standard output. */
#include "cli/cli.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_print_json(const char *key, json_t *value, struct err *e)
{
    json_t *top = value != NULL ? json_pack("{s:i, s:o}", "berth-json", 1, key, value) : NULL;
    int result;

    if (top == NULL)
        return err_no_memory(e);
    result = json_dumpf(top, stdout, JSON_INDENT(2));
    json_decref(top);
    if (result == 0)
        putchar('\n');
    return result == 0 ? 0 : err_errno(e, "standard output");
}

json_t *cli_text_json(const char *text)
{
    json_t *json = text != NULL ? json_string(text) : json_null();
    char *ascii = json == NULL ? strdup(text) : NULL;

    for (char *p = ascii; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    if (ascii != NULL)
        json = json_string(ascii);
    free(ascii);
    return json;
}

static int fill_table(struct libscols_table *table, const char *const *headings, size_t columns,
                      char *const *cells, size_t rows)
{
    for (size_t c = 0; c < columns; c++)
        if (scols_table_new_column(table, headings[c], 0, 0) == NULL)
            return -1;
    for (size_t r = 0; r < rows; r++) {
        struct libscols_line *line = scols_table_new_line(table, NULL);

        if (line == NULL)
            return -1;
        for (size_t c = 0; c < columns; c++)
            if (cells[r * columns + c] != NULL &&
                scols_line_set_data(line, c, cells[r * columns + c]) != 0)
                return -1;
    }
    return 0;
}

int cli_print_table(struct cli *cli, const char *const *headings, size_t columns,
                    char *const *cells, size_t rows, struct err *e)
{
    struct libscols_table *table = scols_new_table();
    int result = table == NULL ? -1 : fill_table(table, headings, columns, cells, rows);

    if (result == 0) {
        scols_table_enable_colors(table, cli->color);
        result = scols_print_table(table);
    }
    scols_unref_table(table);
    return result == 0 ? 0 : err_set(e, ERR_IO, "printing the table failed");
}
