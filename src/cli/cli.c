// SPDX-License-Identifier: GPL-3.0-or-later
/* cli.c: finds the command, runs it, prints the error. */
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* Takes the options in front of a command's first word, and those between its words, out of argv.
 * Returns how many words are left. */
static int drop_front_options(struct cli *cli, int argc, char **argv, struct err *e)
{
    int used, first = options_parse_front(cli, argc, argv, e);

    if (first < 0)
        return -1;
    argc -= first;
    memmove(argv, argv + first, (size_t)(argc + 1) * sizeof(*argv));
    if (argc < 2 || argv[1][0] != '-' || command_find(argc, argv, &used) != NULL)
        return argc;
    first = options_parse_front(cli, argc - 1, argv + 1, e);
    if (first < 0)
        return -1;
    argc -= first;
    memmove(argv + 1, argv + 1 + first, (size_t)argc * sizeof(*argv));
    return argc;
}

static int run(struct cli *cli, int argc, char **argv, struct err *e)
{
    int used;

    argc = drop_front_options(cli, argc, argv, e);
    if (argc < 0)
        return -1;
    if (cli->version) {
        printf("berth %s\n", BERTH_VERSION);
        return 0;
    }
    if (cli->help || wants_help(argc, argv))
        return command_explain(argc, argv, e);
    if (argc == 0) {
        command_print_list(stderr);
        return 2;
    }
    cli->command = command_find(argc, argv, &used);
    if (cli->command == NULL)
        return command_unknown(argc, argv, e);
    cli_progress_start(cli);
    return cli->command->run(cli, argc - (used - 1), argv + (used - 1), e);
}

/* A message may quote what stands on a disk. */
static void print_error(const struct err *e)
{
    _cleanup_free_ char *text = text_safe(e->text), *hint = text_safe(e->hint);

    fprintf(stderr, "berth: %s\n", text != NULL ? text : "out of memory");
    if (hint != NULL && *hint != '\0')
        fprintf(stderr, "hint: %s\n", hint);
}

/* Where nobody says --color: on a terminal that has colours, for who wants them. */
static bool has_color(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

int cli_main(int argc, char **argv, bool bound)
{
    struct cli cli = {.color = has_color(), .bound = bound};
    struct err e = {.code = ERR_OK};
    int status = io_fill_standard_fds(&e);

    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like any other */
    if (status == 0)
        status = run(&cli, argc - 1, argv + 1, &e);

    cli_progress_end();
    if (status >= 0 && cli_flush(&e) == 0)
        return status;
    print_error(&e);
    return err_exit_status(e.code);
}
