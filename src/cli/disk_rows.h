// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_rows.h: what lies on a disk, one after the other: partitions, and the gaps between them. */
#ifndef BERTH_CLI_DISK_ROWS_H
#define BERTH_CLI_DISK_ROWS_H

#include "model/survey.h"

struct disk_row {
    const struct survey_partition *partition; /* the survey's; NULL: a gap */
    struct extent range;
    bool container; /* other partitions lie in this one: an MBR's extended partition */
    unsigned gap;   /* of a free range: its number, from 1, as `part add --gap` takes it; else 0 */
};

/* The rows in the order of their places, a container before what it holds. A gap is what a new
 * partition could have: aligned, in the usable range. There is none on a disk that has no table and
 * yet is not empty. *rows is new. */
int disk_rows(const struct survey *survey, struct disk_row **rows, size_t *n, struct err *e);

#endif
