// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_column.h: the columns of `disk show`, and their cells. */
#ifndef BERTH_CLI_DISK_COLUMN_H
#define BERTH_CLI_DISK_COLUMN_H

#include "cli/disk_rows.h"
#include "partition/type.h"

#include <stdbool.h>

enum disk_column {
#define COLUMN(id, heading, look, purpose) COLUMN_##id,
#include "cli/disk_column.def"
#undef COLUMN
    N_COLUMNS,
};

enum column_look { LEFT, RIGHT, SHRINK };

struct disk_column_info {
    const char *heading;
    enum column_look look;
    const char *purpose;
};

extern const struct disk_column_info disk_columns[N_COLUMNS];

#define COLUMN_LIST_MAX 64

struct column_list {
    enum disk_column items[COLUMN_LIST_MAX];
    size_t n;
};

/* Reads "NR,SIZE", any case; "+UUID" adds to the default. NULL is the default, which fits a
 * terminal of 80 columns. ERR_USAGE names the unknown one, its hint all there are. */
int column_list_parse(const char *text, struct column_list *list, struct err *e);

/* The text of one cell, new; NULL where there is nothing to say. bytes: sizes as plain numbers. It
 * may hold anything that is on the disk. */
char *disk_cell(const struct survey *survey, const struct disk_row *row, enum disk_column column,
                bool bytes);

/* What the table says it is for; NULL where berth has no name for that. */
const struct partition_type *disk_type_of(const struct survey_partition *p);

/* The name under which berth's record knows the system whose root this is, or NULL. */
const char *disk_system_name(const struct survey *survey, const struct survey_partition *p);

#endif
