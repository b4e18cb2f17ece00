// SPDX-License-Identifier: GPL-3.0-or-later
/* steps.h: what every command that changes a disk does with its job. */
#ifndef BERTH_CLI_STEPS_H
#define BERTH_CLI_STEPS_H

#include "apply/apply.h"
#include "cli/cli.h"

/* Prints disk, steps and notes, as JSON where that is asked for. `wanted` says in words what the
 * disk is when all is done, behind its name: "is what m.yaml says". */
int steps_print(struct cli *cli, const struct job *job, const char *wanted, struct err *e);

/* Prints and asks, and leaves it to the next boot (flow/at_boot.h). argv: the command that does it.
 */
int steps_schedule(struct cli *cli, struct job *job, const struct strings *argv, struct err *e);

/* Prints, asks, applies. named: something beside the command line says which device it must be. */
int steps_do(struct cli *cli, struct job *job, const char *wanted, bool named, struct err *e);

#endif
