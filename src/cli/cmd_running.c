// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_running.c: berth ps, console and stop: the guests that run. */
#include "cli/cli.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "engine/attach.h"
#include "engine/console.h"
#include "hypervisor/sandbox_lack.h"

#include <string.h>
#include <time.h>

#define STOP_SECONDS "90"
#define SECONDS_MAX  86400

#define _cleanup_running_ _cleanup_(running_list_free)

/* ---- ps ---- */

static const char *state_of(const struct running *running)
{
    if (running->state == RUNNING_ALONE)
        return "its supervisor was killed";
    if (running->status.asked)
        return "asked to power off";
    return running->status.attached > 0 ? "on a terminal" : "in the background";
}

static json_t *running_json(const struct running *r)
{
    json_t *lacks = json_array();

    for (unsigned bit = 0; bit < SANDBOX_LACKS; bit++)
        if ((r->status.lacks & 1U << bit) != 0)
            json_array_append_new(lacks, json_string(sandbox_lack_word(bit)));
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:i, s:b, s:I, s:i, s:b, s:i, s:o}", "name",
                     r->name, "disk", r->disk, "engine", r->engine, "net", r->net, "note", r->note,
                     "memory", (json_int_t)r->memory, "cpus", (int)r->cpus, "ephemeral",
                     (int)r->ephemeral, "since", (json_int_t)r->since, "pid", (int)r->pid,
                     "supervised", (int)(r->state == RUNNING_LOOKED_AFTER), "consoles",
                     (int)r->status.attached, "sandbox-lacks", lacks);
}

static int print_json(const struct running_list *list, struct err *e)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(array, running_json(&list->items[i]));
    return cli_print_json("running", array, e);
}

enum { COL_NAME, COL_DISK, COL_ENGINE, COL_CPUS, COL_MEMORY, COL_TIME, COL_STATE, COLUMNS };

static const char *const headings[COLUMNS] = {"NAME",   "DISK", "ENGINE", "CPUS",
                                              "MEMORY", "TIME", "STATE"};

/* What is printed and is not in the struct. */
struct row_text {
    char cpus[16], memory[SIZE_TEXT], time[32];
};

static void fill_row(const struct running *r, struct row_text *text, char **row)
{
    long long seconds = (long long)(time(NULL) - r->since);

    snprintf(text->cpus, sizeof(text->cpus), "%u", r->cpus);
    snprintf(text->time, sizeof(text->time), "%lld:%02lld:%02lld", seconds / 3600,
             seconds / 60 % 60, seconds % 60);
    row[COL_NAME] = r->name;
    row[COL_DISK] = r->disk;
    row[COL_ENGINE] = r->engine;
    row[COL_CPUS] = text->cpus;
    row[COL_MEMORY] = size_human(r->memory, text->memory, sizeof(text->memory));
    row[COL_TIME] = text->time;
    row[COL_STATE] = (char *)(uintptr_t)state_of(r);
}

/* A host that denies a part of the sandbox, or of what was asked for, is not kept secret. */
static void print_lacks(const struct running_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].note != NULL)
            printf("%s: %s\n", list->items[i].name, list->items[i].note);
        for (unsigned bit = 0; bit < SANDBOX_LACKS; bit++)
            if ((list->items[i].status.lacks & 1U << bit) != 0)
                printf("%s: its sandbox has %s\n", list->items[i].name, sandbox_lack_text(bit));
    }
}

static int print_text(const struct running_list *list, struct err *e)
{
    _cleanup_free_ char **cells = calloc(list->n * COLUMNS + 1, sizeof(*cells));
    _cleanup_free_ struct row_text *texts = calloc(list->n + 1, sizeof(*texts));

    if (cells == NULL || texts == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < list->n; i++)
        fill_row(&list->items[i], &texts[i], &cells[i * COLUMNS]);
    if (cli_print_table(headings, COLUMNS, cells, list->n, e) < 0)
        return -1;
    print_lacks(list);
    return 0;
}

const struct option_row cmd_ps_options[] = {
    ROW_END,
};

int cmd_ps(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_running_ struct running_list list = {0};

    if (options_parse(cli, argc, argv, NULL, e) < 0 || running_find_all(&list, e) < 0)
        return -1;
    return cli->json ? print_json(&list, e) : print_text(&list, e);
}

/* ---- console and stop ---- */

struct running_options {
    const char *name, *timeout;
    bool force;
};

#define SLOT(member) offsetof(struct running_options, member)

const struct option_row cmd_console_options[] = {
    ROW_OPERAND("NAME", RUNNING, SLOT(name), "the system"),
    ROW_COMMON("disk"),
    ROW_END,
};

int cmd_console(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_running_ struct running_list list = {0};
    struct running_options options = {0};
    const struct running *running;
    int status = 0;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        running_find(options.name, cli->disk, &list, &running, e) < 0)
        return -1;
    if (isatty(STDIN_FILENO))
        ui_note(&cli->ui, "%s: " CONSOLE_KEYS, running->name);
    return attach_console(running, &status, e) < 0 ? -1 : status;
}

const struct option_row cmd_stop_options[] = {
    ROW_OPERAND("NAME", RUNNING, SLOT(name), "the system"),
    ROW_COMMON("disk"),
    ROW_TEXT("timeout", "SECONDS", TEXT, SLOT(timeout), "how long it has to power off (90)"),
    ROW_FLAG("force", SLOT(force), "end it at once, as a power cut does"),
    ROW_END,
};

static int parse_seconds(const char *text, int *seconds, struct err *e)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || n > SECONDS_MAX)
        return err_set(e, ERR_USAGE, "--timeout %s: expected seconds from 0 to %d", text,
                       SECONDS_MAX);
    *seconds = (int)n;
    return 0;
}

int cmd_stop(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_running_ struct running_list list = {0};
    struct running_options options = {.timeout = STOP_SECONDS};
    const struct running *running;
    int seconds = 0;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        parse_seconds(options.timeout, &seconds, e) < 0 ||
        running_find(options.name, cli->disk, &list, &running, e) < 0)
        return -1;
    ui_note(&cli->ui, "%s %s", options.force ? "ending" : "powering off", running->name);
    return attach_stop(running, options.force, seconds, e);
}
