// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * node_guest.h: a partition's node as a guest. Whoever may read all of its disk gets what the name
 * of a system gets: the table, the record, and so every refusal. Whoever may open that node and no
 * more of the disk gets what is in sysfs, in udev's database and on the partition itself.
 */
#ifndef BERTH_RUN_NODE_GUEST_H
#define BERTH_RUN_NODE_GUEST_H

#include "core/err.h"
#include "model/survey.h"
#include "run/run.h"

/* True for what can only be a path, never a system's name. */
bool node_guest_is_path(const char *name);

/* Makes the survey for the node that the request names, whose name becomes that of the system: as
 * the record calls it, else as its filesystem's label or as the node. Sets the request's reach, and
 * notes what could not be looked at. ERR_USAGE for what is no partition, ERR_REFUSED for one
 * that the table does not have, and without a filesystem. Freed with survey_free. */
struct survey *node_guest_survey(struct run_request *request, struct err *e);

#endif
