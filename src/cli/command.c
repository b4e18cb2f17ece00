// SPDX-License-Identifier: GPL-3.0-or-later
/* command.c: finds commands, and explains them from their tables. */
#include "cli/command.h"
#include "cli/text.h"

#include <string.h>

#define SYNOPSIS_WIDTH 79
#define OPTION_WIDTH   20 /* of the help's first column */

#define COMMAND(words, function, purpose) extern const struct option_row function##_options[];
#include "cli/command.def"
#undef COMMAND

const struct command commands[] = {
#define COMMAND(words, function, purpose) {words, function, function##_options, purpose},
#include "cli/command.def"
#undef COMMAND
};

const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(int argc, char **argv, int *used)
{
    for (size_t i = 0; i < n_commands; i++) {
        char two[64] = "";

        if (argc > 1)
            snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
        *used = strcmp(commands[i].words, two) == 0 ? 2 : 1;
        if (*used == 2 || strcmp(commands[i].words, argv[0]) == 0)
            return &commands[i];
    }
    return NULL;
}

/* Whether it is for people, and its first word the family; NULL: any. */
static bool is_listed(const struct command *command, const char *family)
{
    size_t len = family != NULL ? strlen(family) : 0;

    return command->purpose != NULL &&
           (family == NULL ||
            (strncmp(command->words, family, len) == 0 && command->words[len] == ' '));
}

static bool is_family(const char *family)
{
    for (size_t i = 0; i < n_commands; i++)
        if (is_listed(&commands[i], family))
            return true;
    return false;
}

int command_unknown(int argc, char **argv, struct err *e)
{
    size_t fill = 0;
    char list[400] = "";

    for (size_t i = 0; i < n_commands && fill < sizeof(list); i++)
        if (is_listed(&commands[i], argv[0]))
            fill += (size_t)snprintf(list + fill, sizeof(list) - fill, "%s%s", fill > 0 ? ", " : "",
                                     commands[i].words);
    if (fill > 0 && argc > 1)
        err_set(e, ERR_USAGE, "there is no command \"%s %s\"", argv[0], argv[1]);
    else if (fill > 0)
        err_set(e, ERR_USAGE, "\"%s\" needs a second word", argv[0]);
    else
        err_set(e, ERR_USAGE, "there is no command \"%s\"", argv[0]);
    return fill > 0 ? err_hint(e, "%s", list) : err_hint(e, "berth --help lists them");
}

/* The synopsis in lines that fit a terminal. */
static void print_usage(const struct command *command, FILE *out)
{
    int column = fprintf(out, "usage: berth %s", command->words);

    for (const struct option_row *row = command->options; row->kind != OPTION_END; row++) {
        char one[80];

        option_synopsis(row, one, sizeof(one));
        if (column + 1 + (int)strlen(one) > SYNOPSIS_WIDTH)
            column = fprintf(out, "\n            ") - 1;
        column += fprintf(out, " %s", one);
    }
    fputc('\n', out);
}

static void print_row(const struct option_row *row, FILE *out)
{
    char left[80], lead[90];
    int len;

    if (option_is_operand(row))
        len = snprintf(left, sizeof(left), "%s", row->name);
    else
        len = snprintf(left, sizeof(left), "%c%c%s--%s%s%s%s", row->letter != 0 ? '-' : ' ',
                       row->letter != 0 ? row->letter : ' ', row->letter != 0 ? ", " : "  ",
                       row->name,
                       row->kind == OPTION_MAYBE ? "[="
                       : row->value != NULL      ? " "
                                                 : "",
                       row->value != NULL ? row->value : "", row->kind == OPTION_MAYBE ? "]" : "");
    if (len > OPTION_WIDTH)
        fprintf(out, "  %s\n", left);
    snprintf(lead, sizeof(lead), "  %-*s  ", OPTION_WIDTH, len > OPTION_WIDTH ? "" : left);
    text_wrap(out, lead, row->purpose, SYNOPSIS_WIDTH);
}

static void print_help(const struct command *command, FILE *out)
{
    const struct option_row *row = command->options;

    print_usage(command, out);
    if (command->purpose != NULL)
        fprintf(out, "\n%c%s.\n", command->purpose[0] & ~0x20, command->purpose + 1);
    if (row->kind != OPTION_END)
        fputc('\n', out);
    for (; row->kind != OPTION_END; row++)
        print_row(row->kind == OPTION_COMMON ? option_common(row->name) : row, out);
}

static void print_commands(const char *family, FILE *out)
{
    for (size_t i = 0; i < n_commands; i++)
        if (is_listed(&commands[i], family))
            fprintf(out, "  %-13s %s\n", commands[i].words, commands[i].purpose);
}

static void print_family(const char *family, FILE *out)
{
    fprintf(out, "usage: berth %s COMMAND [OPTION]...\n\ncommands:\n", family);
    print_commands(family, out);
    fprintf(out,
            "\nberth %s COMMAND --help shows its arguments, berth --help the options of all.\n",
            family);
}

void command_print_list(FILE *out)
{
    fprintf(out, "usage: berth COMMAND [OPTION]...\n\n"
                 "One disk, many systems: partitions, guests, one boot menu, each guest also\n"
                 "beside the running host.\n\ncommands:\n");
    print_commands(NULL, out);
    fprintf(out, "\noptions of every command:\n");
    for (const struct option_row *row = common_options; row->kind != OPTION_END; row++)
        print_row(row, out);
    fprintf(out, "\nberth COMMAND --help shows its arguments; man berth has the rest.\n");
}

int command_explain(int argc, char **argv, struct err *e)
{
    const struct command *command;
    int used;

    if (argc == 0) {
        command_print_list(stdout);
        return 0;
    }
    command = command_find(argc, argv, &used);
    if (command != NULL)
        print_help(command, stdout);
    else if (argc == 1 && is_family(argv[0]))
        print_family(argv[0], stdout);
    else
        return command_unknown(argc, argv, e);
    return 0;
}
