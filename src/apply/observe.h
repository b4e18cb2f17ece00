// SPDX-License-Identifier: GPL-3.0-or-later
/* observe.h: the whole survey of a disk: what inspect sees, the record on the ESP, and the systems
 * in the partitions. */
#ifndef BERTH_APPLY_OBSERVE_H
#define BERTH_APPLY_OBSERVE_H

#include "block/disk.h"
#include "model/survey.h"

/* What to look at beside the table and the filesystems. */
enum observe {
    OBSERVE_RECORD = 1,
    OBSERVE_SYSTEMS = 2, /* reads what others wrote, in a jail */
};

/* Surveys an open disk. An ESP that is not berth's, or an unreadable system, is no failure. Freed
 * with survey_free; NULL on failure. */
struct survey *observe(struct disk *disk, const char *path, unsigned what, struct err *e);

/* Opens the disk read-only for that. sector: of a file in bytes, 0: found out. */
struct survey *observe_path(const char *path, unsigned sector, unsigned what, struct err *e);

/* The disk that a command means: the one named, else the disk of the running root when its record
 * names that root. A new string; ERR_USAGE with a hint otherwise. */
int observe_default_disk(const char *named, char **path, struct err *e);

/* The ESP that has the record, or NULL. */
const struct survey_partition *survey_esp(const struct survey *survey);

#endif
