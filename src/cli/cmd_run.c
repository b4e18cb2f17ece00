// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_run.c: berth run NAME: boots a system beside the running host. */
#include "cli/cli.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "flow/observe.h"
#include "flow/run.h"

#include <getopt.h>
#include <string.h>

#define STATUS_RESET       10
#define STATUS_INTERRUPTED 130

enum {
    OPTION_ENGINE = 256,
    OPTION_MEMORY,
    OPTION_CPUS,
    OPTION_NET,
    OPTION_EPHEMERAL,
    OPTION_NO_REBOOT
};

static const struct option options[] = {
    {"engine", required_argument, NULL, OPTION_ENGINE},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"net", required_argument, NULL, OPTION_NET},
    {"ephemeral", no_argument, NULL, OPTION_EPHEMERAL},
    {"no-reboot", no_argument, NULL, OPTION_NO_REBOOT},
    {NULL, 0, NULL, 0},
};

static int check_engine(const char *engine, struct err *e)
{
    if (strcmp(engine, "auto") == 0 || strcmp(engine, "qemu") == 0)
        return 0;
    if (strcmp(engine, "kvm") == 0) {
        err_set(e, ERR_UNSUPPORTED, "--engine kvm: not supported yet");
        return err_hint(e, "--engine qemu uses /dev/kvm where it is usable");
    }
    return err_set(e, ERR_USAGE, "--engine %s: expected auto or qemu", engine);
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

static int take_option(int option, struct run_request *request, struct err *e)
{
    switch (option) {
    case OPTION_ENGINE:
        return check_engine(optarg, e);
    case OPTION_MEMORY:
        if (size_parse_bytes(optarg, &request->memory, e) < 0)
            return err_wrap(e, "--memory %s", optarg);
        return 0;
    case OPTION_CPUS:
        return parse_cpus(optarg, &request->cpus, e);
    case OPTION_NET:
        request->net = optarg;
        if (strcmp(optarg, "user") != 0 && strcmp(optarg, "none") != 0)
            return err_set(e, ERR_USAGE, "--net %s: expected user or none", optarg);
        return 0;
    case OPTION_EPHEMERAL:
        request->ephemeral = true;
        return 0;
    case OPTION_NO_REBOOT:
        request->no_reboot = true;
        return 0;
    default:
        return err_set(e, ERR_USAGE, "run: unknown or incomplete option");
    }
}

static int parse(int argc, char **argv, struct run_request *request, struct err *e)
{
    int option;

    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (take_option(option, request, e) < 0)
            return -1;
    if (optind != argc - 1)
        return err_set(e, ERR_USAGE, "run: expected the name of one system");
    request->name = argv[optind];
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

    if (parse(argc, argv, &request, e) < 0 || observe_default_disk(cli->disk, &path, e) < 0)
        return -1;
    survey = observe_path(path, 0, OBSERVE_RECORD, e);
    if (survey == NULL)
        return -1;
    request.survey = survey;
    return run_guest(&request, &end, e) < 0 ? -1 : status_of(end);
}
