// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_run.c: berth run NAME: boots a system beside the running host. */
#include "cli/cli.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "flow/observe.h"
#include "flow/run.h"

#include <string.h>

#define STATUS_RESET       10
#define STATUS_INTERRUPTED 130

static int check_engine(const char *engine, struct err *e)
{
    static const char *const names[] = {"auto", "kvm", "qemu"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (engine == NULL || strcmp(engine, names[i]) == 0)
            return 0;
    return err_set(e, ERR_USAGE, "--engine %s: expected auto, kvm or qemu", engine);
}

static int parse_cpus(const char *text, unsigned *cpus, struct err *e)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '1' || *text > '9' || *end != '\0' || n > RUN_CPUS_MAX)
        return err_set(e, ERR_USAGE, "--cpus %s: expected a number from 1 to %d", text,
                       RUN_CPUS_MAX);
    *cpus = (unsigned)n;
    return 0;
}

struct run_options {
    const char *name, *engine, *memory, *cpus, *net;
    bool ephemeral, no_reboot;
};

#define SLOT(member) offsetof(struct run_options, member)

const struct option_row cmd_run_options[] = {
    ROW_OPERAND("NAME", SYSTEM, SLOT(name), "the system"),
    ROW_COMMON("disk"),
    ROW_WORD("engine", "E", "auto kvm qemu", SLOT(engine), "what runs it"),
    ROW_TEXT("memory", "S", TEXT, SLOT(memory), "how much memory it has: 2GiB"),
    ROW_TEXT("cpus", "N", TEXT, SLOT(cpus), "how many processors it has"),
    ROW_WORD("net", "N", "user none", SLOT(net), "its network"),
    ROW_FLAG("ephemeral", SLOT(ephemeral), "forget what it writes when it ends"),
    ROW_FLAG("no-reboot", SLOT(no_reboot), "end, with status 10, when it reboots"),
    ROW_END,
};

static int parse(struct cli *cli, int argc, char **argv, struct run_request *request, struct err *e)
{
    struct run_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0 || check_engine(options.engine, e) < 0)
        return -1;
    request->name = options.name;
    request->engine = options.engine;
    request->net = options.net;
    request->ephemeral = options.ephemeral;
    request->no_reboot = options.no_reboot;
    if (options.memory != NULL && size_parse_bytes(options.memory, &request->memory, e) < 0)
        return err_wrap(e, "--memory %s", options.memory);
    if (options.cpus != NULL && parse_cpus(options.cpus, &request->cpus, e) < 0)
        return -1;
    if (request->net != NULL && strcmp(request->net, "user") != 0 &&
        strcmp(request->net, "none") != 0)
        return err_set(e, ERR_USAGE, "--net %s: expected user or none", request->net);
    return 0;
}

/* 0 powered off, 10 rebooted, 130 ended by the person. */
static int status_of(enum run_end end)
{
    switch (end) {
    case RUN_POWERED_OFF:
        return 0;
    case RUN_RESET:
        return STATUS_RESET;
    default:
        return STATUS_INTERRUPTED;
    }
}

int cmd_run(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_survey_ struct survey *survey = NULL;
    struct run_request request = {.ui = &cli->ui};
    enum run_end end;

    if (parse(cli, argc, argv, &request, e) < 0 || observe_default_disk(cli->disk, &path, e) < 0)
        return -1;
    survey = observe_path(path, 0, OBSERVE_RECORD, e);
    if (survey == NULL)
        return -1;
    request.survey = survey;
    return run_guest(&request, &end, e) < 0 ? -1 : status_of(end);
}
