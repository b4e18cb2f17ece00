// SPDX-License-Identifier: GPL-3.0-or-later
/* main.c: finds the command, takes the options that all of them have, prints the error. */
#include "cli/cli.h"
#include "core/io.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *words; /* "disk show" */
    command_fn *run;
    const char *synopsis, *purpose;
};

static const struct command commands[] = {
#define COMMAND(words, function, synopsis, purpose) {words, function, synopsis, purpose},
#include "cli/command.def"
#undef COMMAND
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct flag {
    const char *name, *letter;
    size_t member; /* of struct cli: a bool */
};

static const struct flag flags[] = {
    {"--json", "-J", offsetof(struct cli, json)},
    {"--dry-run", "-n", offsetof(struct cli, dry_run)},
    {"--yes", "-y", offsetof(struct cli, yes)},
    {"--quiet", "-q", offsetof(struct cli, quiet)},
    {"--verbose", "-v", offsetof(struct cli, verbose)},
};

static const struct {
    const char *name;
    size_t member; /* of struct cli: a string */
} settings[] = {
    {"--disk", offsetof(struct cli, disk)},
    {"--serial", offsetof(struct cli, serial)},
    {"--wwn", offsetof(struct cli, wwn)},
};

static void print_help(FILE *out)
{
    fprintf(out, "usage: berth COMMAND [OPTION]...\n\n"
                 "One disk, many systems: partitions, guests, one boot menu, each guest also\n"
                 "beside the running host.\n\ncommands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-13s %s\n", commands[i].words, commands[i].purpose);
    fprintf(out, "\noptions of every command:\n"
                 "  -J, --json        print JSON       -n, --dry-run  print what would be done\n"
                 "  -y, --yes         do not ask       -q, --quiet    errors only\n"
                 "  -v, --verbose     say more             --color[=always|never|auto]\n"
                 "      --disk DISK   a device or an image file\n"
                 "      --serial S, --wwn W   refuse any other device\n"
                 "  -h, --help, --version\n\nberth COMMAND --help shows its arguments; man berth "
                 "has the rest.\n");
}

static bool take_flag(struct cli *cli, const char *arg)
{
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(arg, flags[i].name) == 0 || strcmp(arg, flags[i].letter) == 0) {
            *(bool *)((char *)cli + flags[i].member) = true;
            return true;
        }
    }
    return false;
}

/* How many words the setting takes: 0 when it is none, 1 for --disk=D, 2 for --disk D. */
static int take_setting(struct cli *cli, char **argv, struct err *e)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        size_t len = strlen(settings[i].name);
        const char **slot = (const char **)((char *)cli + settings[i].member);

        if (strncmp(argv[0], settings[i].name, len) != 0)
            continue;
        if (argv[0][len] == '=') {
            *slot = argv[0] + len + 1;
            return 1;
        }
        if (argv[0][len] != '\0')
            continue;
        if (argv[1] == NULL)
            return err_set(e, ERR_USAGE, "%s needs a value", settings[i].name);
        *slot = argv[1];
        return 2;
    }
    return 0;
}

static int take_color(struct cli *cli, const char *arg, struct err *e)
{
    const char *when = arg[7] == '=' ? arg + 8 : "always";

    if (strcmp(when, "always") != 0 && strcmp(when, "never") != 0 && strcmp(when, "auto") != 0)
        return err_set(e, ERR_USAGE, "--color=%s: expected always, never or auto", when);
    if (strcmp(when, "auto") != 0)
        cli->color = strcmp(when, "always") == 0;
    return 0;
}

/* Moves what every command understands out of argv; returns how many words are left. */
static int take_common(struct cli *cli, int argc, char **argv, struct err *e)
{
    int kept = 0;

    for (int i = 0; i < argc; i++) {
        int used = strcmp(argv[i], "--") == 0 ? -2 : take_setting(cli, &argv[i], e);

        if (used == -1)
            return -1;
        if (used == -2) {
            while (i < argc)
                argv[kept++] = argv[i++];
        } else if (used > 0) {
            i += used - 1;
        } else if (strncmp(argv[i], "--color", 7) == 0 && strchr("=", argv[i][7]) != NULL) {
            if (take_color(cli, argv[i], e) < 0)
                return -1;
        } else if (!take_flag(cli, argv[i])) {
            argv[kept++] = argv[i];
        }
    }
    argv[kept] = NULL;
    return kept;
}

/* The command whose words argv begins with; *used is how many those are. */
static const struct command *find_command(int argc, char **argv, int *used)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        char two[64] = "";

        if (argc > 1)
            snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
        *used = strcmp(commands[i].words, two) == 0 ? 2 : 1;
        if (*used == 2 || strcmp(commands[i].words, argv[0]) == 0)
            return &commands[i];
    }
    return NULL;
}

static int unknown_command(int argc, char **argv, struct err *e)
{
    size_t len = strlen(argv[0]);
    char list[256] = "";
    size_t fill = 0;

    for (size_t i = 0; i < N_COMMANDS && fill < sizeof(list); i++)
        if (strncmp(commands[i].words, argv[0], len) == 0 && commands[i].words[len] == ' ')
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

static bool has_word(int argc, char **argv, const char *word, const char *letter)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], word) == 0 || strcmp(argv[i], letter) == 0)
            return true;
    return false;
}

static int run(struct cli *cli, int argc, char **argv, struct err *e)
{
    const struct command *command;
    int used;

    argc = take_common(cli, argc, argv, e);
    if (argc < 0)
        return -1;
    if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
        strcmp(argv[0], "help") == 0) {
        print_help(argc == 0 ? stderr : stdout);
        return argc == 0 ? 2 : 0;
    }
    if (strcmp(argv[0], "--version") == 0) {
        printf("berth %s\n", BERTH_VERSION);
        return 0;
    }
    command = find_command(argc, argv, &used);
    if (command == NULL)
        return unknown_command(argc, argv, e);
    if (has_word(argc, argv, "--help", "-h")) {
        printf("usage: berth %s %s\n\n%s\n", command->words, command->synopsis, command->purpose);
        return 0;
    }
    cli_progress_start(cli);
    return command->run(cli, argc - (used - 1), argv + (used - 1), e);
}

int main(int argc, char **argv)
{
    const char *no_color = getenv("NO_COLOR");
    struct cli cli = {.color = isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0')};
    struct err e = {.code = ERR_OK};
    int status = io_fill_standard_fds(&e);

    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like any other */
    if (status == 0)
        status = run(&cli, argc - 1, argv + 1, &e);

    cli_progress_end();
    if (status >= 0 && fflush(stdout) == 0)
        return status;
    if (status >= 0)
        err_errno(&e, "standard output");
    fprintf(stderr, "berth: %s\n", e.text);
    if (e.hint[0] != '\0')
        fprintf(stderr, "hint: %s\n", e.hint);
    return err_exit_status(e.code);
}
