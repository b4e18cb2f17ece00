// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * table.h: a table on standard output, by libsmartcols. Every cell is made safe for a terminal.
 *
 * On a terminal no line is wider than that. What does not fit is first left out where nothing is
 * in it, then cut short where a column allows that, then goes on in a second table below.
 */
#ifndef BERTH_CLI_TABLE_H
#define BERTH_CLI_TABLE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

struct table_view;

struct table_view *table_view_new(struct err *e); /* NULL with the err filled */

/* Adds a column; all of them come before the first row. shrink: its cells may be cut short where
 * the terminal is too narrow. The heading stays the caller's. */
int table_view_column(struct table_view *view, const char *heading, bool right, bool shrink,
                      struct err *e);

/* Starts the next row; then fills its cells, NULL for an empty one. The text is copied. */
int table_view_row(struct table_view *view, struct err *e);
int table_view_cell(struct table_view *view, size_t column, const char *text, struct err *e);

/* Prints it. A table that goes on below has its first column there, too, where that fits. */
int table_view_print(struct table_view *view, struct err *e);

void table_view_free(struct table_view *view); /* NULL is allowed */

#define _cleanup_table_view_ __attribute__((cleanup(table_view_cleanup)))
void table_view_cleanup(struct table_view **view);

#endif
