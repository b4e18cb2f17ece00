// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_apply.c: berth plan, berth apply: of a machine file, an sfdisk script or a folder of repart.d
 * files. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/steps.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/script.h"
#include "intent/intent.h"

#include <stdlib.h>
#include <unistd.h>

#define STATUS_PENDING 6

/* Options of plan and apply, each taken by the one it belongs to. */
struct request {
    const char *file, *seed, *size, *journal;
    struct option_list lose;
    bool check, prune;
};

#define SLOT(member) offsetof(struct request, member)
#define ROW_FILE                                                                                   \
    ROW_OPERAND("FILE", FILE, SLOT(file), "a machine file, an sfdisk script, or a repart.d folder")
#define ROWS_SCRIPT                                                                                \
    ROW_TEXT("seed", "GUID", TEXT, SLOT(seed), "repart.d: what GUIDs are derived from"),           \
        ROW_TEXT("size", "SIZE", TEXT, SLOT(size), "a script: make the image file of that size"),  \
        ROW_LIST("lose", "PART", PARTITION, SLOT(lose),                                            \
                 "a partition whose content, or what its place has, may be lost"),                 \
        ROW_FLAG("prune", SLOT(prune), "delete what the file does not name")

const struct option_row cmd_plan_options[] = {
    ROW_FILE,
    ROW_COMMON("disk"),
    ROW_FLAG("check", SLOT(check), "end with status 6 when there is something to do"),
    ROWS_SCRIPT,
    ROW_END,
};

const struct option_row cmd_apply_options[] = {
    ROW_FILE,
    ROW_COMMON("disk"),
    ROW_COMMON("yes"),
    ROWS_SCRIPT,
    ROW_TEXT("journal", "FILE", FILE, SLOT(journal), "a file on another disk for the journal"),
    ROW_END,
};

/* Whichever of the two the file is; `job` is the one that counts. */
struct work {
    struct request request;
    struct script script;
    struct intent intent;
    struct change change;
    struct job *job;
    char *wanted; /* what the disk is afterwards, in words */
    bool named;   /* the file says which device it must be */
};

static void work_clear(struct work *work)
{
    if (work->job == &work->intent.job)
        intent_free(&work->intent);
    change_free(&work->change);
    free(work->wanted);
}

#define _cleanup_work_ __attribute__((cleanup(work_clear)))

static int read_machine(struct cli *cli, struct work *work, struct err *e)
{
    struct plan_options options = {.prune = work->request.prune,
                                   .serial = cli->serial,
                                   .wwn = cli->wwn,
                                   .lose = work->request.lose.items,
                                   .n_lose = work->request.lose.n};
    const struct machine *machine;

    work->job = &work->intent.job;
    if (intent_read(work->request.file, cli->disk, &options, &work->intent, e) < 0)
        return -1;
    machine = work->intent.machine;
    work->named = machine->disk.serial != NULL || machine->disk.wwn != NULL;
    return 0;
}

static int read_script(struct cli *cli, struct work *work, struct err *e)
{
    struct request *request = &work->request;
    struct change *change = &work->change;
    unsigned sector;

    work->job = &change->job;
    if (cli->disk == NULL) {
        err_set(e, ERR_USAGE, "%s names no disk", request->file);
        return err_hint(e, "say which one with --disk DISK");
    }
    if (work->script.kind == SCRIPT_REPART && script_seed(request->seed, &work->script.seed, e) < 0)
        return -1;
    if (request->size != NULL &&
        size_parse_bytes(request->size, &change->options.make_bytes, e) < 0) {
        err_wrap(e, "--size");
        return err_hint(e, "a size is a number and its unit: 512MiB, 20G");
    }
    change->edit = edit_script;
    change->arg = &work->script;
    change->options.serial = cli->serial;
    change->options.wwn = cli->wwn;
    change->options.lose = request->lose.items;
    change->options.n_lose = request->lose.n;
    change->options.keeps_missing = !request->prune;
    change->job.journal = request->journal;
    if (cli_sector(cli, &sector, e) < 0)
        return -1;
    if (change_read(change, cli->disk, sector, e) == 0)
        return 0;
    return e->code == ERR_NOT_FOUND && access(cli->disk, F_OK) < 0
               ? err_hint(e, "--size 10G makes an image file of that size")
               : -1;
}

/* Options that the kind of file has no use for were meant for something else. */
static int check_options(const struct request *request, enum script_kind kind, struct err *e)
{
    if (request->seed != NULL && kind != SCRIPT_REPART)
        return err_set(e, ERR_USAGE, "--seed %s: %s is no folder of repart.d files", request->seed,
                       request->file);
    if (kind != SCRIPT_MACHINE)
        return 0;
    if (request->size != NULL) {
        err_set(e, ERR_USAGE, "--size %s: %s is a machine file", request->size, request->file);
        return err_hint(e, "in it, \"disk:\" has a \"size:\"");
    }
    if (request->journal != NULL)
        return err_set(e, ERR_USAGE, "--journal %s: a machine file's steps take none",
                       request->journal);
    return 0;
}

static int read_work(struct cli *cli, int argc, char **argv, struct work *work, struct err *e)
{
    if (options_parse(cli, argc, argv, &work->request, e) < 0)
        return -1;
    work->script.path = work->request.file;
    work->wanted = io_format(e, "is what %s says", work->request.file);
    if (work->wanted == NULL || script_find_kind(work->request.file, &work->script.kind, e) < 0 ||
        check_options(&work->request, work->script.kind, e) < 0)
        return -1;
    return work->script.kind == SCRIPT_MACHINE ? read_machine(cli, work, e)
                                               : read_script(cli, work, e);
}

int cmd_plan(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_work_ struct work work = {0};

    if (read_work(cli, argc, argv, &work, e) < 0 || steps_print(cli, work.job, work.wanted, e) < 0)
        return -1;
    return work.request.check && work.job->plan->n_steps > 0 ? STATUS_PENDING : 0;
}

int cmd_apply(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_work_ struct work work = {0};

    if (read_work(cli, argc, argv, &work, e) < 0)
        return -1;
    return steps_do(cli, work.job, work.wanted, work.named, e);
}
