// SPDX-License-Identifier: GPL-3.0-or-later
/* export.h: what is on a disk, said as a machine file. */
#ifndef BERTH_FLOW_EXPORT_H
#define BERTH_FLOW_EXPORT_H

#include "model/machine.h"
#include "model/survey.h"

/*
 * The machine that the survey (with its record) shows: such that planning it for the same disk
 * finds nothing to do. left_out gets a line for everything that a machine file cannot say; that
 * stays on the disk, since a machine file touches nothing that it does not name. path: of the disk,
 * absolute. ERR_UNSUPPORTED for an MBR, ERR_NOT_FOUND without a table, ERR_REFUSED for a damaged
 * one. Freed with machine_free; NULL on failure.
 */
struct machine *export_machine(const struct survey *survey, const char *path,
                               struct strings *left_out, struct err *e);

#endif
