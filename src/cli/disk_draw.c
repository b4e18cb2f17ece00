// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * disk_draw.c: draws the bar and its legend.
 *
 * A cell is a blank on a coloured ground, or a letter where there are no colours. Neighbours of one
 * colour differ in shade. Whatever ends a line also ends its colour.
 */
#include "cli/disk_bar.h"
#include "cli/disk_content.h"
#include "core/cleanup.h"

#include <string.h>

#define BRIGHT      60 /* from an SGR background to its bright shade */
#define FREE_UTF8   "\u2591"
#define FREE_ASCII  "."
#define LEGEND_FREE "free"

struct pen {
    FILE *out;
    const struct bar_style *style;
    size_t column;
    int background; /* that the terminal has now; 0: its own */
};

static const char *free_glyph(const struct bar_style *style)
{
    return style->utf8 ? FREE_UTF8 : FREE_ASCII;
}

static void set_background(struct pen *pen, int background)
{
    if (!pen->style->color || background == pen->background)
        return;
    if (background != 0)
        fprintf(pen->out, "\033[30;%dm", background);
    else
        fputs("\033[0m", pen->out);
    pen->background = background;
}

static void end_line(struct pen *pen)
{
    set_background(pen, 0);
    fputc('\n', pen->out);
    pen->column = 0;
}

/* One cell, on a new line when the last one is full. */
static void put_cell(struct pen *pen, int background, const char *glyph)
{
    if (pen->column == pen->style->width)
        end_line(pen);
    pen->column++;
    set_background(pen, background);
    fputs(glyph, pen->out);
}

static void put_partition(struct pen *pen, const struct survey_partition *p, int background,
                          size_t cells)
{
    char number[16],
        glyph[2] = {pen->style->color ? ' ' : disk_content_looks[disk_content_of(p)].letter};
    size_t digits = (size_t)snprintf(number, sizeof(number), "%u", p->number);

    for (size_t i = 0; i < cells; i++) {
        char digit[2] = {number[i < digits ? i : 0]};

        put_cell(pen, background, digits <= cells && i < digits ? digit : glyph);
    }
}

static void put_gap(struct pen *pen, size_t cells)
{
    for (size_t i = 0; i < cells; i++)
        put_cell(pen, 0, free_glyph(pen->style));
}

static void put_bar(struct pen *pen, const struct disk_row *const *pieces, size_t n,
                    const size_t *cells)
{
    int last = 0;

    for (size_t i = 0; i < n; i++) {
        const struct survey_partition *p = pieces[i]->partition;
        int background = p != NULL ? disk_content_looks[disk_content_of(p)].background : 0;

        if (background != 0 && background == last)
            background += BRIGHT;
        last = background;
        if (p != NULL)
            put_partition(pen, p, background, cells[i]);
        else
            put_gap(pen, cells[i]);
    }
    end_line(pen);
}

/* One word of the legend: its cell, a blank, the words, and two blanks to the next. */
static void put_word(struct pen *pen, int background, const char *glyph, const char *words)
{
    size_t len = strlen(words) + 2;

    if (pen->column > 0 && pen->column + 2 + len > pen->style->width)
        end_line(pen);
    if (pen->column > 0) {
        fputs("  ", pen->out);
        pen->column += 2;
    }
    put_cell(pen, background, glyph);
    set_background(pen, 0);
    fprintf(pen->out, " %s", words);
    pen->column += len - 1;
}

static void put_legend(struct pen *pen, const struct disk_row *const *pieces, size_t n)
{
    bool seen[N_CONTENTS] = {false}, gap = false;

    for (size_t i = 0; i < n; i++) {
        if (pieces[i]->partition != NULL)
            seen[disk_content_of(pieces[i]->partition)] = true;
        else
            gap = true;
    }
    for (int i = 0; i < N_CONTENTS; i++) {
        char glyph[2] = {pen->style->color ? ' ' : disk_content_looks[i].letter};

        if (seen[i])
            put_word(pen, disk_content_looks[i].background, glyph, disk_content_looks[i].words);
    }
    if (gap)
        put_word(pen, 0, free_glyph(pen->style), LEGEND_FREE);
    end_line(pen);
}

int bar_draw(FILE *out, const struct disk_row *rows, size_t n, const struct bar_style *style,
             struct err *e)
{
    struct pen pen = {.out = out, .style = style};
    _cleanup_free_ const struct disk_row **pieces = calloc(n + 1, sizeof(*pieces));
    _cleanup_free_ uint64_t *bytes = calloc(n + 1, sizeof(*bytes));
    _cleanup_free_ size_t *cells = calloc(n + 1, sizeof(*cells));
    size_t used = 0;

    if (pieces == NULL || bytes == NULL || cells == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].container)
            continue;
        pieces[used] = &rows[i];
        bytes[used++] = rows[i].range.bytes;
    }
    if (bar_scale(bytes, used, style->width, cells) == 0)
        return 0;
    put_bar(&pen, pieces, used, cells);
    put_legend(&pen, pieces, used);
    return 0;
}
