// SPDX-License-Identifier: GPL-3.0-or-later
/* guest.h: one installed system of a disk and the partitions that are its own, fit to be run. */
#ifndef BERTH_INTENT_GUEST_H
#define BERTH_INTENT_GUEST_H

#include "block/disk.h"
#include "core/err.h"
#include "model/survey.h"

#define GUEST_PARTITIONS_MAX 64

/* Points into the survey it was found in. */
struct guest {
    const struct record_system *system;
    const struct survey_partition *own[GUEST_PARTITIONS_MAX]; /* the root first, then volumes */
    size_t n_own;
};

/* Finds the system by name. ERR_NOT_FOUND with the names there are; ERR_REFUSED or ERR_IN_USE when
 * it cannot run now: a partition is missing, incomplete or held; ERR_UNSUPPORTED for a family
 * that does not run from its partition. */
int guest_find(const struct survey *survey, const char *name, struct guest *guest, struct err *e);

/* Takes its partitions until the disk is closed, then looks again whether they are what the survey
 * says, and that it does not sleep in its swap, in the one that its kernel options resume from, or
 * in one that is nobody's. ERR_IN_USE, ERR_REFUSED. */
int guest_claim(const struct guest *guest, const struct survey *survey, struct disk *disk,
                struct err *e);

#endif
