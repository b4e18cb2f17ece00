// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_apply.c: berth plan, berth apply. Both print the same steps. */
#include "cli/cli.h"
#include "cli/options.h"
#include "core/size.h"
#include "flow/apply.h"
#include "flow/step_ops.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATUS_PENDING 6

/* Options of plan and apply, each taken by the one it belongs to. */
struct request {
    const char *file;
    bool check, prune;
    struct plan_options plan;
};

/* --check, the last row, is plan's only. */
static int parse(struct cli *cli, int argc, char **argv, struct request *request, struct err *e)
{
    const struct option_row rows[] = {{"prune", OPTION_FLAG, &request->prune},
                                      {"check", OPTION_FLAG, &request->check}};
    size_t n = strcmp(argv[0], "plan") == 0 ? 2 : 1;

    if (options_parse(argc, argv, rows, n, &request->file, "one machine file", e) < 0)
        return -1;
    request->plan =
        (struct plan_options){.prune = request->prune, .serial = cli->serial, .wwn = cli->wwn};
    return 0;
}

static json_t *step_json(const struct step *step)
{
    json_t *loses = json_array();
    uint64_t bytes = 0;

    for (size_t i = 0; i < step->n_loses; i++)
        json_array_append_new(loses, json_string(step->loses[i]));
    if (step->n_touches > 0)
        bytes = step->touches[0].bytes;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:s, s:s}", "op", step_kinds[step->kind].name,
                     "target", step->target, "start",
                     (json_int_t)(step->n_touches > 0 ? step->touches[0].start : 0), "size",
                     (json_int_t)bytes, "cost", (json_int_t)step->cost, "loses", loses,
                     "durability", step_durability_name(step->durability), "text", step->text);
}

static int print_json(const struct plan *plan, struct err *e)
{
    json_t *steps = json_array(), *notes = json_array();
    json_t *top;

    for (size_t i = 0; i < plan->n_steps; i++)
        json_array_append_new(steps, step_json(&plan->steps[i]));
    for (size_t i = 0; i < plan->notes.n; i++)
        json_array_append_new(notes, json_string(plan->notes.items[i]));
    top = json_pack("{s:i, s:s, s:o, s:o}", "berth-json", 1, "disk", plan->survey->path, "steps",
                    steps, "notes", notes);
    if (top == NULL)
        return err_no_memory(e);
    json_dumpf(top, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(top);
    return 0;
}

static void print_disk(FILE *out, const struct survey *survey)
{
    char size[SIZE_TEXT];

    fprintf(out, "%s: %s%s", survey->path, size_human(survey->bytes, size, sizeof(size)),
            survey->exists ? "" : ", does not exist yet");
    if (survey->model != NULL)
        fprintf(out, ", %s", survey->model);
    if (survey->serial != NULL)
        fprintf(out, ", serial %s", survey->serial);
    fputc('\n', out);
}

/* Where on the disk a step may write. */
static void print_touches(FILE *out, const struct step *step)
{
    char bytes[SIZE_TEXT], cost[SIZE_TEXT];

    for (size_t i = 0; i < step->n_touches; i++)
        fprintf(out, "     touches %s at byte %llu\n",
                size_exact(step->touches[i].bytes, bytes, sizeof(bytes)),
                (unsigned long long)step->touches[i].start);
    if (step->cost > 0)
        fprintf(out, "     writes about %s\n", size_human(step->cost, cost, sizeof(cost)));
}

static void print_steps(FILE *out, const struct plan *plan, bool verbose)
{
    print_disk(out, plan->survey);
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];

        fprintf(out, "%3zu. %s  [%s]\n", i + 1, step->text, step_durability_name(step->durability));
        if (verbose)
            print_touches(out, step);
        for (size_t k = 0; k < step->n_loses; k++)
            fprintf(out, "     LOSES %s\n", step->loses[k]);
    }
    if (plan->n_steps == 0)
        fprintf(out, "nothing to do: the disk is what %s says\n", plan->machine->path);
    for (size_t i = 0; i < plan->notes.n; i++)
        fprintf(out, "note: %s\n", plan->notes.items[i]);
}

int cmd_plan(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_intent_ struct intent intent = {0};
    struct request request = {0};

    if (parse(cli, argc, argv, &request, e) < 0 ||
        intent_read(request.file, cli->disk, &request.plan, &intent, e) < 0)
        return -1;
    if (cli->json) {
        if (print_json(intent.plan, e) < 0)
            return -1;
    } else {
        print_steps(stdout, intent.plan, cli->verbose);
    }
    return request.check && intent.plan->n_steps > 0 ? STATUS_PENDING : 0;
}

/* What a person sees on a terminal, a script has to say in words: yes, and which device. */
static int confirm(struct cli *cli, const struct intent *intent, struct err *e)
{
    const struct machine *machine = intent->machine;
    bool named = cli->serial != NULL || cli->wwn != NULL || machine->disk.serial != NULL ||
                 machine->disk.wwn != NULL;

    if (!isatty(STDIN_FILENO)) {
        if (!cli->yes) {
            err_set(e, ERR_DECLINED, "nobody is there to agree");
            return err_hint(e, "--yes says so beforehand");
        }
        if (!intent->survey->is_file && !named) {
            err_set(e, ERR_REFUSED, "%s is a device, and nothing says which one it must be",
                    intent->path);
            return err_hint(e, "add --serial %s",
                            intent->survey->serial != NULL ? intent->survey->serial
                                                           : "S, or --wwn W");
        }
    } else if (!cli->ui.ask(&cli->ui, "Do this?")) {
        return err_set(e, ERR_DECLINED, "declined; nothing was written");
    }
    return 0;
}

int cmd_apply(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_intent_ struct intent intent = {0};
    struct request request = {0};

    if (parse(cli, argc, argv, &request, e) < 0 ||
        intent_read(request.file, cli->disk, &request.plan, &intent, e) < 0)
        return -1;
    if (cli->json)
        print_json(intent.plan, e);
    else if (!cli->quiet)
        print_steps(stdout, intent.plan, cli->verbose);
    fflush(stdout);
    if (cli->dry_run || intent.plan->n_steps == 0)
        return 0;
    if (confirm(cli, &intent, e) < 0 || apply(&intent, &request.plan, &cli->ui, e) < 0)
        return -1;
    ui_note(&cli->ui, "done: %s is what %s says", intent.path, request.file);
    return 0;
}
