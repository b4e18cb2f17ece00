// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * table.c: chooses which columns stand beside each other; libsmartcols fits those to the terminal.
 * Without a terminal all of them do, and nothing is cut.
 */
#include "cli/table.h"
#include "cli/text.h"
#include "core/cleanup.h"

#include <libsmartcols.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define SHRINK_LEAST 10 /* what a column that may be cut short keeps, if it has so much */

struct column {
    const char *heading;
    bool right, shrink;
    bool empty;   /* no row has anything in it */
    size_t wide;  /* columns of the terminal that it would have */
    size_t least; /* and that it has to have */
};

struct table_view {
    struct column *columns;
    char **cells; /* row by row; NULL is an empty one */
    size_t n_columns, n_rows;
};

/* Columns that stand beside each other: the first one of the table, and some that follow. */
struct block {
    size_t *list; /* numbers of columns */
    size_t n;
    bool keyed;  /* list[0] is the first column again, from the block before */
    size_t wide; /* the terminal's columns that it needs at least */
};

struct table_view *table_view_new(struct err *e)
{
    struct table_view *view = calloc(1, sizeof(*view));

    if (view == NULL)
        err_no_memory(e);
    return view;
}

int table_view_column(struct table_view *view, const char *heading, bool right, bool shrink,
                      struct err *e)
{
    struct column *more = reallocarray(view->columns, view->n_columns + 1, sizeof(*more));

    if (more == NULL)
        return err_no_memory(e);
    view->columns = more;
    more[view->n_columns++] = (struct column){.heading = heading, .right = right, .shrink = shrink};
    return 0;
}

int table_view_row(struct table_view *view, struct err *e)
{
    size_t used = view->n_rows * view->n_columns;
    char **more = reallocarray(view->cells, used + view->n_columns, sizeof(*more));

    if (more == NULL)
        return err_no_memory(e);
    view->cells = more;
    memset(more + used, 0, view->n_columns * sizeof(*more));
    view->n_rows++;
    return 0;
}

static char **cell_at(const struct table_view *view, size_t row, size_t column)
{
    return &view->cells[row * view->n_columns + column];
}

int table_view_cell(struct table_view *view, size_t column, const char *text, struct err *e)
{
    char **cell = cell_at(view, view->n_rows - 1, column);

    if (text == NULL)
        return 0;
    *cell = text_safe(text);
    return *cell == NULL ? err_no_memory(e) : 0;
}

/* ---- what fits ---- */

static void measure(struct table_view *view)
{
    for (size_t c = 0; c < view->n_columns; c++) {
        struct column *column = &view->columns[c];
        size_t heading = text_columns(column->heading);

        column->wide = heading;
        column->empty = true;
        for (size_t r = 0; r < view->n_rows; r++) {
            const char *text = *cell_at(view, r, c);
            size_t columns = text != NULL ? text_columns(text) : 0;

            column->empty = column->empty && columns == 0;
            if (columns > column->wide)
                column->wide = columns;
        }
        column->least = column->wide;
        if (column->shrink && column->least > SHRINK_LEAST)
            column->least = heading > SHRINK_LEAST ? heading : SHRINK_LEAST;
    }
}

static bool fits(const struct table_view *view, size_t width)
{
    size_t wide = 0;

    for (size_t c = 0; c < view->n_columns; c++)
        wide += view->columns[c].least + (c > 0);
    return wide <= width;
}

static void block_add(const struct table_view *view, struct block *block, size_t column)
{
    block->wide += view->columns[column].least + (block->n > 0);
    block->list[block->n++] = column;
}

/* Fills the block from column `next` on, as far as that fits; one at least. Returns the column that
 * comes after it. */
static size_t block_fill(const struct table_view *view, struct block *block, size_t next,
                         size_t width, bool leave_empty)
{
    size_t first = next;

    block->n = block->wide = 0;
    block->keyed = next > 0 && view->columns[0].least + 1 + view->columns[next].least <= width;
    if (block->keyed)
        block_add(view, block, 0);
    for (; next < view->n_columns; next++) {
        if (leave_empty && view->columns[next].empty && next > 0)
            continue;
        if (next > first && block->n > block->keyed &&
            block->wide + 1 + view->columns[next].least > width)
            break;
        block_add(view, block, next);
    }
    return next;
}

/* ---- printing ---- */

static int add_columns(const struct table_view *view, const struct block *block, size_t width,
                       struct libscols_table *table, struct err *e)
{
    for (size_t i = 0; i < block->n; i++) {
        const struct column *column = &view->columns[block->list[i]];
        /* what is wider than the terminal all alone is folded, not cut */
        bool fold = !column->shrink && column->wide > width;
        int flags = (column->right ? SCOLS_FL_RIGHT : 0) | (column->shrink ? SCOLS_FL_TRUNC : 0) |
                    (fold ? SCOLS_FL_WRAP : 0);

        if (scols_table_new_column(table, column->heading, 0, flags) == NULL)
            return err_no_memory(e);
    }
    return 0;
}

/* A row that has nothing but its key is left out. */
static int add_row(const struct table_view *view, const struct block *block, size_t row,
                   struct libscols_table *table, struct err *e)
{
    struct libscols_line *line;
    bool any = !block->keyed;

    for (size_t i = 1; i < block->n; i++)
        any = any || *cell_at(view, row, block->list[i]) != NULL;
    if (!any)
        return 0;
    line = scols_table_new_line(table, NULL);
    if (line == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < block->n; i++) {
        const char *text = *cell_at(view, row, block->list[i]);

        if (text != NULL && scols_line_set_data(line, i, text) != 0)
            return err_no_memory(e);
    }
    return 0;
}

static int print_block(const struct table_view *view, const struct block *block, size_t width,
                       struct err *e)
{
    struct libscols_table *table = scols_new_table();
    int result = table == NULL ? err_no_memory(e) : add_columns(view, block, width, table, e);

    for (size_t r = 0; result == 0 && r < view->n_rows; r++)
        result = add_row(view, block, r, table, e);
    if (result == 0) {
        scols_table_enable_minout(table, 1); /* no blanks at the ends of lines */
        scols_table_set_termwidth(table, width);
        if (scols_print_table(table) != 0)
            result = err_set(e, ERR_IO, "printing a table failed");
    }
    scols_unref_table(table);
    return result;
}

int table_view_print(struct table_view *view, struct err *e)
{
    size_t width = isatty(STDOUT_FILENO) ? text_width() : SIZE_MAX;
    struct block block = {.list = calloc(view->n_columns + 1, sizeof(size_t))};
    _cleanup_free_ size_t *list = block.list;
    bool leave_empty;

    if (list == NULL)
        return err_no_memory(e);
    measure(view);
    leave_empty = !fits(view, width);
    for (size_t next = 0; next < view->n_columns;) {
        if (next > 0)
            putchar('\n');
        next = block_fill(view, &block, next, width, leave_empty);
        if (print_block(view, &block, width, e) < 0)
            return -1;
    }
    return 0;
}

void table_view_free(struct table_view *view)
{
    if (view == NULL)
        return;
    for (size_t i = 0; i < view->n_rows * view->n_columns; i++)
        free(view->cells[i]);
    free(view->cells);
    free(view->columns);
    free(view);
}

void table_view_cleanup(struct table_view **view)
{
    table_view_free(*view);
}
