// SPDX-License-Identifier: GPL-3.0-or-later
/* table.c: libsmartcols fits columns to the terminal; without one, nothing is cut. */
#include "cli/table.h"
#include "cli/text.h"
#include "core/cleanup.h"

#include <libsmartcols.h>

struct table_view {
    struct libscols_table *table;
    struct libscols_line *line; /* the last row; the table's */
};

struct table_view *table_view_new(struct err *e)
{
    struct table_view *view = calloc(1, sizeof(*view));

    if (view != NULL)
        view->table = scols_new_table();
    if (view == NULL || view->table == NULL) {
        table_view_free(view);
        err_no_memory(e);
        return NULL;
    }
    return view;
}

int table_view_column(struct table_view *view, const char *heading, bool right, bool shrink,
                      struct err *e)
{
    int flags = (right ? SCOLS_FL_RIGHT : 0) | (shrink ? SCOLS_FL_TRUNC : 0);

    return scols_table_new_column(view->table, heading, 0, flags) == NULL ? err_no_memory(e) : 0;
}

int table_view_row(struct table_view *view, struct err *e)
{
    view->line = scols_table_new_line(view->table, NULL);
    return view->line == NULL ? err_no_memory(e) : 0;
}

int table_view_cell(struct table_view *view, size_t column, const char *text, struct err *e)
{
    _cleanup_free_ char *safe = text_safe(text);

    if (text == NULL)
        return 0;
    if (safe == NULL || scols_line_set_data(view->line, column, safe) != 0)
        return err_no_memory(e);
    return 0;
}

int table_view_print(struct table_view *view, struct err *e)
{
    scols_table_enable_minout(view->table, 1); /* no blanks at the ends of lines */
    return scols_print_table(view->table) == 0 ? 0 : err_set(e, ERR_IO, "printing a table failed");
}

void table_view_free(struct table_view *view)
{
    if (view == NULL)
        return;
    scols_unref_table(view->table);
    free(view);
}

void table_view_cleanup(struct table_view **view)
{
    table_view_free(*view);
}
