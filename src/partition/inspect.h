// SPDX-License-Identifier: GPL-3.0-or-later
/* inspect.h: makes the survey of a disk: table, filesystems, holders. */
#ifndef BERTH_PARTITION_INSPECT_H
#define BERTH_PARTITION_INSPECT_H

#include "block/disk.h"
#include "model/survey.h"

/* Surveys an open disk. The record and the systems on it are not filled in: they need trees (see
 * apply/observe.h). Freed with survey_free; NULL on failure. */
struct survey *inspect(struct disk *disk, const char *path, struct err *e);

/* The survey of a file that does not exist yet. */
struct survey *inspect_missing(const char *path, uint64_t bytes, unsigned sector, struct err *e);

#endif
