// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_bar.c: shares the cells of a bar among pieces. Pure: the drawing is in disk_draw.c. */
#include "cli/disk_bar.h"

struct scale {
    const uint64_t *bytes;
    size_t n, cells; /* of the whole bar */
    double total;    /* bytes */
};

/* What a piece would get if cells could be divided. */
static double ideal(const struct scale *s, size_t i)
{
    return s->total > 0 ? (double)s->bytes[i] / s->total * (double)s->cells
                        : (double)s->cells / (double)s->n;
}

/* The piece that has too little (sign 1) or too much (sign -1) by most, and can give a cell. */
static size_t worst(const struct scale *s, const size_t *cells, int sign)
{
    double most = -1e300; /* less than any */
    size_t found = 0;

    for (size_t i = 0; i < s->n; i++) {
        double lack = sign * (ideal(s, i) - (double)cells[i]);

        if ((sign > 0 || cells[i] > 1) && lack > most) {
            most = lack;
            found = i;
        }
    }
    return found;
}

size_t bar_scale(const uint64_t *bytes, size_t n, size_t width, size_t *cells)
{
    size_t lines = n > 0 && width > 0 ? (n + width - 1) / width : 0;
    struct scale s = {.bytes = bytes, .n = n, .cells = lines * width};
    size_t used = 0;

    if (lines == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        s.total += (double)bytes[i];
    for (size_t i = 0; i < n; i++) {
        cells[i] = ideal(&s, i) < 1 ? 1 : (size_t)ideal(&s, i);
        used += cells[i];
    }
    for (; used < s.cells; used++)
        cells[worst(&s, cells, 1)]++;
    for (; used > s.cells; used--)
        cells[worst(&s, cells, -1)]--;
    return lines;
}
