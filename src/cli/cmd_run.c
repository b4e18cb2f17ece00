// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_run.c: berth run: boots a system, or a kernel of its own file, beside the running host. */
#include "apply/observe.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "run/node_guest.h"
#include "run/run.h"

#include <string.h>

#define READ_ONLY ":ro" /* behind the name of a kernel's disk */

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
    const char *name, *engine, *memory, *cpus, *net, *kernel, *initrd, *append;
    struct option_list publish;
    bool ephemeral, no_reboot, detach;
};

#define SLOT(member) offsetof(struct run_options, member)

const struct option_row cmd_run_options[] = {
    ROW_OPERAND_OPTIONAL("NAME", SYSTEM, SLOT(name),
                         "the system, or the node of its partition; of a kernel, what to call it"),
    ROW_COMMON("disk"),
    ROW_WORD("engine", "E", "auto kvm qemu", SLOT(engine), "what runs it"),
    ROW_TEXT("memory", "S", TEXT, SLOT(memory), "how much memory it has: 2GiB"),
    ROW_TEXT("cpus", "N", TEXT, SLOT(cpus), "how many processors it has"),
    ROW_WORD("net", "N", "user none tap=", SLOT(net),
             "its network; tap=INTERFACE: a device of the host"),
    ROW_LIST("publish", "H:G", TEXT, SLOT(publish),
             "lead a port of the host to the guest: [ADDRESS:]HOST:GUEST[/udp]"),
    ROW_TEXT("kernel", "FILE", FILE, SLOT(kernel),
             "boot this kernel, without a system; its disk may be FILE:ro"),
    ROW_TEXT("initrd", "FILE", FILE, SLOT(initrd), "the kernel's initrd"),
    ROW_TEXT("append", "TEXT", TEXT, SLOT(append), "the kernel's command line", .empty = true),
    ROW_FLAG("ephemeral", SLOT(ephemeral), "forget what it writes when it ends"),
    ROW_FLAG("detach", SLOT(detach), "leave it in the background as soon as it runs"),
    ROW_FLAG("no-reboot", SLOT(no_reboot), "end, with status 10, when it reboots"),
    ROW_END,
};

/* What is parsed, and lives as long as the request. */
struct parsed {
    struct run_options options;
    struct bare bare;
    struct publish ports[OPTION_LIST_MAX];
    char *disk; /* FILE of FILE:ro */
};

static int parse_ports(struct parsed *parsed, struct run_request *request, struct err *e)
{
    const struct option_list *list = &parsed->options.publish;

    for (size_t i = 0; i < list->n; i++)
        if (publish_parse(list->items[i], &parsed->ports[i], e) < 0)
            return -1;
    request->ports = parsed->ports;
    request->n_ports = list->n;
    return 0;
}

/* ---- a kernel without a system ---- */

static int parse_bare_disk(struct cli *cli, struct parsed *parsed, struct err *e)
{
    const char *disk = cli->disk;
    struct bare *bare = &parsed->bare;
    size_t n;

    if (disk == NULL)
        return 0;
    n = strlen(disk);
    bare->read_only = n > strlen(READ_ONLY) && strcmp(disk + n - strlen(READ_ONLY), READ_ONLY) == 0;
    parsed->disk = strndup(disk, bare->read_only ? n - strlen(READ_ONLY) : n);
    bare->disk = parsed->disk;
    return parsed->disk == NULL ? err_no_memory(e) : cli_sector(cli, &bare->sector, e);
}

static int parse_bare(struct cli *cli, struct parsed *parsed, struct run_request *request,
                      struct err *e)
{
    const struct run_options *options = &parsed->options;

    parsed->bare = (struct bare){
        .kernel = options->kernel, .initrd = options->initrd, .append = options->append};
    request->bare = &parsed->bare;
    if (request->name == NULL)
        request->name = basename(options->kernel);
    return parse_bare_disk(cli, parsed, e);
}

/* ---- a system ---- */

static int check_system(const struct run_options *options, struct err *e)
{
    if (options->initrd != NULL || options->append != NULL)
        return err_set(e, ERR_USAGE, "--%s %s: it goes with --kernel",
                       options->initrd != NULL ? "initrd" : "append",
                       options->initrd != NULL ? options->initrd : options->append);
    if (options->name == NULL) {
        err_set(e, ERR_USAGE, "run: expected NAME or --kernel FILE");
        return err_hint(e, "berth run --help");
    }
    return 0;
}

static int parse(struct cli *cli, int argc, char **argv, struct parsed *parsed,
                 struct run_request *request, struct err *e)
{
    const struct run_options *options = &parsed->options;

    if (options_parse(cli, argc, argv, &parsed->options, e) < 0 ||
        check_engine(options->engine, e) < 0)
        return -1;
    request->name = options->name;
    request->engine = options->engine;
    request->net = options->net;
    request->ephemeral = options->ephemeral;
    request->no_reboot = options->no_reboot;
    request->detach = options->detach;
    if (options->memory != NULL && size_parse_bytes(options->memory, &request->memory, e) < 0)
        return err_wrap(e, "--memory %s", options->memory);
    if (options->cpus != NULL && parse_cpus(options->cpus, &request->cpus, e) < 0)
        return -1;
    if (request->net != NULL && net_check(request->net, e) < 0)
        return -1;
    if (parse_ports(parsed, request, e) < 0)
        return -1;
    return options->kernel != NULL ? parse_bare(cli, parsed, request, e) : check_system(options, e);
}

/* The disk with the system. */
static struct survey *look(struct cli *cli, struct run_request *request, struct err *e)
{
    _cleanup_free_ char *path = NULL;

    if (node_guest_is_path(request->name))
        return node_guest_survey(request, e);
    return observe_default_disk(cli->disk, &path, e) < 0 ? NULL
                                                         : observe_path(path, 0, OBSERVE_RECORD, e);
}

static int run(struct cli *cli, struct run_request *request, struct err *e)
{
    _cleanup_survey_ struct survey *survey = NULL;
    enum run_end end;

    if (run_check(request, e) < 0)
        return -1;
    if (request->bare == NULL) {
        request->survey = survey = look(cli, request, e);
        if (survey == NULL)
            return -1;
    }
    return run_guest(request, &end, e) < 0 ? -1 : supervise_status(end);
}

int cmd_run(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct parsed parsed = {.disk = NULL};
    struct keeper keeper;
    struct run_request request = {.ui = &cli->ui, .keeper = &keeper};
    int status = keeper_was(&keeper, &request.again, e);

    if (status == 0)
        status = parse(cli, argc, argv, &parsed, &request, e);
    if (status == 0)
        status = run(cli, &request, e);
    free(parsed.disk);
    return status;
}
