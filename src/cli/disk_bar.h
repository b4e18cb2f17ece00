// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_bar.h: a disk to scale, as a bar of character cells. */
#ifndef BERTH_CLI_DISK_BAR_H
#define BERTH_CLI_DISK_BAR_H

#include "cli/disk_rows.h"

#include <stdio.h>

/* Shares the cells of a bar among n pieces in proportion to their bytes; each gets one at least.
 * The bar has as many lines of `width` cells as that takes, mostly one; cells[i] is the result.
 * Returns the number of lines, 0 where there is nothing to draw. Pure. */
size_t bar_scale(const uint64_t *bytes, size_t n, size_t width, size_t *cells);

/* What the terminal can do. */
struct bar_style {
    size_t width;
    bool utf8, color;
};

/* Draws the bar, each partition with its number where there is room, and a legend of what the
 * colours (or letters) stand for. Nothing of the disk's own texts is printed. */
int bar_draw(FILE *out, const struct disk_row *rows, size_t n, const struct bar_style *style,
             struct err *e);

#endif
