// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_help.c: berth help [COMMAND [WORD]]: what --help says. */
#include "cli/cli.h"
#include "cli/command.h"

#include <stdint.h>

struct help_options {
    const char *command, *word;
};

#define SLOT(member) offsetof(struct help_options, member)

const struct option_row cmd_help_options[] = {
    ROW_OPERAND_OPTIONAL("COMMAND", COMMAND, SLOT(command), "a command, or a family of them"),
    ROW_OPERAND_OPTIONAL("WORD", SUBCOMMAND, SLOT(word), "one of the family's"),
    ROW_END,
};

int cmd_help(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct help_options options = {0};
    char *words[2];
    int n = 0;

    if (options_parse(cli, argc, argv, &options, e) < 0)
        return -1;
    if (options.command != NULL)
        words[n++] = (char *)(uintptr_t)options.command;
    if (options.word != NULL)
        words[n++] = (char *)(uintptr_t)options.word;
    return command_explain(n, words, e);
}
