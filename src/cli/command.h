// SPDX-License-Identifier: GPL-3.0-or-later
/* command.h: the table of commands, and what --help says of them. */
#ifndef BERTH_CLI_COMMAND_H
#define BERTH_CLI_COMMAND_H

#include "cli/cli.h"
#include "cli/options.h"

#include <stdio.h>

extern const struct command commands[];
extern const size_t n_commands;

/* The command whose words argv begins with; *used is how many those are. NULL when there is none.
 */
const struct command *command_find(int argc, char **argv, int *used);

/* Fills *e with what is wrong with such a command, and the hint with those of its family. */
int command_unknown(int argc, char **argv, struct err *e);

/* Prints all commands. */
void command_print_list(FILE *out);

/* Explains the command or family that the words name, or all there are, on standard output.
 * ERR_USAGE when there is none. */
int command_explain(int argc, char **argv, struct err *e);

#endif
