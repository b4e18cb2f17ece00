// SPDX-License-Identifier: GPL-3.0-or-later
/* cli.h: what every command gets, and what commands share in asking and printing. */
#ifndef BERTH_CLI_CLI_H
#define BERTH_CLI_CLI_H

#include "core/err.h"
#include "core/ui.h"

#include <jansson.h>
#include <stdbool.h>

struct command;
struct option_row;

struct cli {
    struct ui ui; /* first, so that a callback finds the rest */
    bool json, dry_run, yes, quiet, verbose, color, help, version;
    bool bound;              /* no person names the disk: it was found by what it says of itself */
    const char *disk;        /* --disk, or NULL */
    const char *serial;      /* --serial, or NULL */
    const char *wwn;         /* --wwn, or NULL */
    const char *sector_size; /* --sector-size, or NULL */
    const char *color_when;  /* --color's value, or NULL */
    const struct command *command; /* the one that runs */
};

/*
 * A command: argv[0] is its last word ("build" of `image build`); options_parse takes the rest by
 * its table. Returns the exit status to use on success (mostly 0), or -1 with the err
 * filled: main prints it and picks the status.
 */
typedef int command_fn(struct cli *cli, int argc, char **argv, struct err *e);

struct command {
    const char *words; /* "disk show" */
    command_fn *run;
    const struct option_row *options; /* its own, OPTION_END at the end */
    const char *purpose;              /* NULL: not for people, left out of help */
};

#define COMMAND(words, function, purpose) command_fn function;
#include "cli/command.def"
#undef COMMAND

/* All of the program but being /init: parses, runs, prints the error. Returns the exit status. */
int cli_main(int argc, char **argv, bool bound);

/* init.c: true when this process is the first one of an initramfs that at_boot.h made; and what it
 * is then, which never returns. */
bool init_is_wanted(char **argv);
_Noreturn void init_main(void);

/* The bytes that --sector-size says, 0 when it is not given; ERR_USAGE for others than 512 and
 * 4096. */
int cli_sector(const struct cli *cli, unsigned *sector, struct err *e);

/* Makes `color` what --color says of it. */
int cli_set_color(struct cli *cli, struct err *e);

/* Prints {"berth-json": 1, key: value} and drops the value; NULL is out of memory. */
int cli_print_json(const char *key, json_t *value, struct err *e);

/* Prints a whole answer, which has its "berth-json", and drops it; NULL is out of memory. */
int cli_dump_json(json_t *top, struct err *e);

/* Text as JSON, null for NULL. What is not UTF-8 (a label may be anything) keeps its ASCII only. */
json_t *cli_text_json(const char *text);

/* Writes a new file, or to standard output when that is NULL; with --dry-run it only says so. A
 * file that is there stays: ERR_REFUSED. */
int cli_write_file(const struct cli *cli, const char *file, const char *text, struct err *e);

/* Brings what was printed to where it goes. ERR_IO where any of it could not be written; but who
 * reads no further has seen enough. */
int cli_flush(struct err *e);

/* A table for people: headings and cells, row by row; NULL cells are empty. */
int cli_print_table(const char *const *headings, size_t columns, char *const *cells, size_t rows,
                    struct err *e);

/* progress.c: the callbacks of a terminal, or of a log. */
void cli_progress_start(struct cli *cli);
void cli_progress_end(void);
/* True once the person has pressed Ctrl-C. */
bool cli_interrupted(void);

#endif
