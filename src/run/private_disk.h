// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * private_disk.h: what a running guest sees beside its own partitions: a partition table that names
 * only those, with their numbers, GUIDs and names as on the disk, so that every reference a guest
 * has to itself holds; and an EFI system partition, made empty, not copied.
 *
 * It is made anew for each run in a file without a name: what a guest writes there reaches neither
 * the disk nor a later run.
 */
#ifndef BERTH_RUN_PRIVATE_DISK_H
#define BERTH_RUN_PRIVATE_DISK_H

#include "block/blockdev.h"
#include "core/err.h"
#include "model/survey.h"

#include <stddef.h>

/* Makes one of the disk's size in folder. own: the guest's n_own partitions. NULL on failure. */
struct blockdev *private_disk_make(const struct survey *survey,
                                   const struct survey_partition *const *own, size_t n_own,
                                   const char *folder, struct err *e);

#endif
