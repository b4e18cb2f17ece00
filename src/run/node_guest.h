// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * node_guest.h: a partition's node as a guest: for who may open that node and no more of the disk,
 * neither its table nor the record. What can be known is in sysfs, in udev's database and on the
 * partition itself.
 */
#ifndef BERTH_FLOW_NODE_GUEST_H
#define BERTH_FLOW_NODE_GUEST_H

#include "core/err.h"
#include "model/survey.h"

/* True for what can only be a path, never a system's name. */
bool node_guest_is_path(const char *name);

/* Makes the survey of a disk with that one partition, and a record with one system, called as its
 * filesystem's label or as the node. ERR_USAGE for what is no partition. Freed with survey_free. */
struct survey *node_guest_survey(const char *node, struct err *e);

#endif
