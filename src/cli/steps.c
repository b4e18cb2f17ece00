// SPDX-License-Identifier: GPL-3.0-or-later
/* steps.c: prints the steps of a job, asks, and has them done: the same for every command that
 * changes a disk. */
#include "cli/steps.h"
#include "apply/step_ops.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/at_boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static json_t *range_json(const struct extent *range)
{
    return json_pack("{s:I, s:I}", "start", (json_int_t)range->start, "size",
                     (json_int_t)range->bytes);
}

static json_t *touches_json(const struct step *step)
{
    json_t *list = json_array();

    for (size_t i = 0; i < step->n_touches; i++)
        json_array_append_new(list, range_json(&step->touches[i]));
    return list;
}

/* "start" and "size" are the first range that the step touches, "touches" is all of them. */
static json_t *step_json(const struct step *step)
{
    json_t *loses = json_array();
    struct extent first = step->n_touches > 0 ? step->touches[0] : (struct extent){0, 0};

    for (size_t i = 0; i < step->n_loses; i++)
        json_array_append_new(loses, json_string(step->loses[i]));
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:I, s:o, s:s, s:s}", "op",
                     step_kinds[step->kind].name, "target", step->target, "start",
                     (json_int_t)first.start, "size", (json_int_t)first.bytes, "touches",
                     touches_json(step), "cost", (json_int_t)step->cost, "loses", loses,
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
    top = json_pack("{s:i, s:o, s:o, s:o, s:o}", "berth-json", 1, "disk",
                    cli_text_json(plan->survey->path), "steps", steps, "log",
                    plan->log.bytes > 0 ? range_json(&plan->log) : json_null(), "notes", notes);
    return cli_dump_json(top, e);
}

static void print_disk(FILE *out, const struct survey *survey)
{
    _cleanup_free_ char *model = text_safe(survey->model), *serial = text_safe(survey->serial);
    char size[SIZE_TEXT];

    fprintf(out, "%s: %s%s", survey->path, size_human(survey->bytes, size, sizeof(size)),
            survey->exists ? "" : ", does not exist yet");
    if (model != NULL)
        fprintf(out, ", %s", model);
    if (serial != NULL)
        fprintf(out, ", serial %s", serial);
    fputc('\n', out);
}

static void print_touch(FILE *out, const struct extent *range)
{
    char bytes[SIZE_TEXT];

    fprintf(out, "     touches %s at byte %llu\n", size_exact(range->bytes, bytes, sizeof(bytes)),
            (unsigned long long)range->start);
}

/* Where on the disk a step may write. */
static void print_touches(FILE *out, const struct step *step)
{
    char cost[SIZE_TEXT];

    for (size_t i = 0; i < step->n_touches; i++)
        print_touch(out, &step->touches[i]);
    if (step->cost > 0)
        fprintf(out, "     writes about %s\n", size_human(step->cost, cost, sizeof(cost)));
}

static int print_step(FILE *out, size_t number, const struct step *step, bool verbose,
                      struct err *e)
{
    _cleanup_free_ char *text =
        io_format(e, "%s  [%s]", step->text, step_durability_name(step->durability));
    char lead[32];

    if (text == NULL)
        return -1;
    snprintf(lead, sizeof(lead), "%3zu. ", number);
    text_print(out, lead, text);
    if (verbose)
        print_touches(out, step);
    for (size_t k = 0; k < step->n_details; k++)
        text_print(out, "     ", step->details[k]);
    for (size_t k = 0; k < step->n_loses; k++)
        text_print(out, "     LOSES ", step->loses[k]);
    return 0;
}

static int print_text(FILE *out, const struct plan *plan, const char *wanted, bool verbose,
                      struct err *e)
{
    print_disk(out, plan->survey);
    for (size_t i = 0; i < plan->n_steps; i++)
        if (print_step(out, i + 1, &plan->steps[i], verbose, e) < 0)
            return -1;
    if (verbose && plan->log.bytes > 0) {
        fprintf(out, "the disk's own log of it, for `disk log` and `disk undo`\n");
        print_touch(out, &plan->log);
    }
    if (plan->n_steps == 0)
        fprintf(out, "nothing to do: the disk %s\n", wanted);
    for (size_t i = 0; i < plan->notes.n; i++)
        text_print(out, "note: ", plan->notes.items[i]);
    return 0;
}

int steps_print(struct cli *cli, const struct job *job, const char *wanted, struct err *e)
{
    if (cli->json)
        return print_json(job->plan, e);
    if (!cli->quiet && print_text(stdout, job->plan, wanted, cli->verbose, e) < 0)
        return -1;
    return cli_flush(e);
}

/* What a person sees on a terminal, a script has to say in words: yes, and which device. */
static int confirm(struct cli *cli, const struct job *job, bool named, struct err *e)
{
    if (isatty(STDIN_FILENO)) {
        if (!cli->ui.ask(&cli->ui, "Do this?"))
            return err_set(e, ERR_DECLINED, "declined; nothing was written");
        return 0;
    }
    if (!cli->yes) {
        err_set(e, ERR_DECLINED, "nobody is there to agree");
        return err_hint(e, "--yes says so beforehand");
    }
    if (job->survey->is_file || named)
        return 0;
    err_set(e, ERR_REFUSED, "%s is a device, and nothing says which one it must be", job->path);
    if (job->survey->serial == NULL && job->survey->wwn == NULL)
        return err_hint(e, "it has neither serial number nor WWN: leave --yes out, and answer on a "
                           "terminal");
    return job->survey->serial != NULL
               ? err_hint(e, "add --serial %s", shell_quote(job->survey->serial).text)
               : err_hint(e, "add --wwn %s", shell_quote(job->survey->wwn).text);
}

/* An image file that may only be read is told before anybody agrees to a plan. */
static int check_writable(const struct job *job, struct err *e)
{
    bool is_mounted_so;

    if (!job->survey->is_file || job->plan->n_steps == 0 || eaccess(job->path, W_OK) == 0 ||
        (errno != EACCES && errno != EROFS && errno != EPERM))
        return 0;
    is_mounted_so = errno == EROFS;
    err_set(e, ERR_REFUSED, "%s cannot be written: %s", job->path, strerror(errno));
    return is_mounted_so
               ? err_hint(e, "a copy of it on another filesystem can be")
               : err_hint(e, "`chmod u+w %s` lets its owner", shell_quote(job->path).text);
}

int steps_do(struct cli *cli, struct job *job, const char *wanted, bool named, struct err *e)
{
    if (!cli->dry_run && !cli->bound && check_writable(job, e) < 0)
        return -1;
    if (apply_check(job, e) < 0 || steps_print(cli, job, wanted, e) < 0)
        return -1;
    if (cli->dry_run || job->plan->n_steps == 0)
        return 0;
    named = named || cli->bound || cli->serial != NULL || cli->wwn != NULL;
    if (confirm(cli, job, named, e) < 0 || apply(job, &cli->ui, e) < 0)
        return -1;
    ui_note(&cli->ui, "done: %s %s", job->path, wanted);
    return 0;
}

int steps_schedule(struct cli *cli, struct job *job, const struct strings *argv, struct err *e)
{
    if (steps_print(cli, job, "is as this command wants it", e) < 0)
        return -1;
    if (cli->dry_run || job->plan->n_steps == 0)
        return 0;
    if (confirm(cli, job, cli->serial != NULL || cli->wwn != NULL, e) < 0 ||
        at_boot_schedule(job, argv, &cli->ui, e) < 0)
        return -1;
    ui_note(&cli->ui,
            "scheduled: restart the machine to have it done, or take it back with "
            "`berth disk finish %s --cancel`",
            shell_quote(job->path).text);
    return 0;
}
