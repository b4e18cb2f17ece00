// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_log_place.h: where on a disk berth's area may be. Pure. For disk_log.c. */
#ifndef BERTH_LOG_DISK_LOG_PLACE_H
#define BERTH_LOG_DISK_LOG_PLACE_H

#include "plan/plan.h"

/* Where the area of a disk with that table is, when it has one: free ranges, and the end of the
 * BIOS boot partition. *places is new. */
int log_places(const struct table *table, struct extent **places, size_t *n, struct err *e);

/* Those where it can be found before, during and after the plan, and in nobody's way: the one in
 * front of the first partition, then the end of the BIOS boot partition, then the largest. */
int log_places_for(const struct plan *plan, const struct table *there, struct extent **places,
                   size_t *n, struct err *e);

#endif
