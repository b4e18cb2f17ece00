// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_json.h: a survey as JSON. */
#ifndef BERTH_CLI_DISK_JSON_H
#define BERTH_CLI_DISK_JSON_H

#include "cli/disk_rows.h"

#include <jansson.h>

/* The object that `disk show --json` prints; NULL without memory. */
json_t *disk_to_json(const struct survey *survey, const struct disk_row *rows, size_t n);

/* "gpt", "mbr", or NULL. */
const char *disk_table_name(enum table_kind kind);

/* What is known of the system on the partition, null when there is none. */
json_t *disk_system_to_json(const struct survey *survey, const struct survey_partition *p);

#endif
