// SPDX-License-Identifier: GPL-3.0-or-later
/* completion.h: scripts that make shells complete berth's words, written from the tables of
 * commands and options. What a disk, the store or the machine decides, they ask `berth complete`
 * for. */
#ifndef BERTH_CLI_COMPLETION_H
#define BERTH_CLI_COMPLETION_H

#include "cli/command.h"

#include <stdio.h>

void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void completion_fish(FILE *out);

/* completion.c: what the three have in common. */

/* "disk" of "disk show"; returns buf. */
char *completion_first_word(const struct command *command, char *buf, size_t len);

/* "show" of "disk show"; NULL for a command of one word. */
const char *completion_second_word(const struct command *command);

/* True for commands that people are told of. */
bool completion_has(const struct command *command);

/* True when no command before this one begins with the same word. */
bool completion_is_new_word(const struct command *command);

/* True when the option wants a value behind it. */
bool completion_has_value(const struct option_row *row);

#endif
