// SPDX-License-Identifier: GPL-3.0-or-later
/* engine_qemu.c: the argument list, and the machine protocol's words. */
#include "engine/engine_qemu.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "core/spawn.h"
#include "engine/qmp.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ARGS_MAX 64

struct arguments {
    char *argv[ARGS_MAX];
    size_t n;
    bool failed;
};

static void arguments_free(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->n; i++)
        free(arguments->argv[i]);
}

static void add(struct arguments *arguments, const char *fmt, ...) ERR_PRINTF(2, 3);

static void add(struct arguments *arguments, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (arguments->n == ARGS_MAX - 1 || vasprintf(&text, fmt, ap) < 0)
        arguments->failed = true;
    else
        arguments->argv[arguments->n++] = text;
    va_end(ap);
}

static void add_machine(struct arguments *a, const struct engine_config *config)
{
    static const char *const fixed[] = {
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "q35,usb=off,vmport=off",
        "-no-reboot",
        "-rtc",
        "base=utc",
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    };

    add(a, ENGINE_QEMU);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        add(a, "%s", fixed[i]);
    add(a, "-name");
    add(a, "berth-%s", config->name);
    add(a, "-accel");
    add(a, config->kvm ? "kvm" : "tcg");
    add(a, "-cpu");
    add(a, config->kvm ? "host" : "max");
    add(a, "-m");
    add(a, "%lluM", (unsigned long long)(config->memory / MIB));
    add(a, "-smp");
    add(a, "%u", config->cpus);
}

static void add_boot(struct arguments *a, const struct engine_config *config)
{
    add(a, "-kernel");
    add(a, "/proc/self/fd/%d", config->kernel);
    if (config->initrd >= 0) {
        add(a, "-initrd");
        add(a, "/proc/self/fd/%d", config->initrd);
    }
    add(a, "-append");
    add(a, "%s", config->command_line);
}

/* A failed access is the guest's to handle, as on a real disk; QEMU would rather stop it. */
static void add_disk(struct arguments *a, const struct engine_config *config)
{
    if (config->disk < 0)
        return;
    add(a, "-blockdev");
    add(a, "driver=nbd,node-name=disk,discard=unmap,read-only=%s,server.type=fd,server.str=%d",
        config->read_only ? "on" : "off", config->disk);
    add(a, "-device");
    add(a,
        "virtio-blk-pci,drive=disk,werror=report,rerror=report,logical_block_size=%u,"
        "physical_block_size=4096",
        config->sector);
}

/* Where somebody presses the power button when the supervisor was killed. */
static void add_late(struct arguments *a, int late)
{
    if (late < 0)
        return;
    add(a, "-chardev");
    add(a, "socket,id=late,fd=%d,server=on,wait=off", late);
    add(a, "-mon");
    add(a, "chardev=late,mode=control");
}

static void add_lines(struct arguments *a, int serial, int qmp)
{
    add(a, "-chardev");
    add(a, "socket,id=serial,fd=%d", serial);
    add(a, "-serial");
    add(a, "chardev:serial");
    add(a, "-chardev");
    add(a, "socket,id=qmp,fd=%d", qmp);
    add(a, "-mon");
    add(a, "chardev=qmp,mode=control");
    add(a, "-device");
    add(a, "virtio-rng-pci");
    add(a, "-device");
    add(a, "pvpanic");
}

/* QEMU's own network, with the ports that lead to the guest. Returns a new string. */
static char *user_network(const struct net *net, struct err *e)
{
    char *text = io_format(e, "user,id=net");

    for (size_t i = 0; i < net->n_ports && text != NULL; i++) {
        const struct publish *port = &net->ports[i];
        _cleanup_free_ char *before = text;

        text = io_format(e, "%s,hostfwd=%s:%s:%u-:%u", before, port->udp ? "udp" : "tcp",
                         port->address, port->host, port->guest);
    }
    return text;
}

static int add_network(struct arguments *a, const struct net *net, struct err *e)
{
    _cleanup_free_ char *user = NULL;

    if (net->kind == NET_NONE)
        return 0;
    if (net->kind == NET_USER && (user = user_network(net, e)) == NULL)
        return -1;
    add(a, "-netdev");
    if (net->kind == NET_TAP)
        add(a, "tap,id=net,fd=%d", net->tap);
    else
        add(a, "%s", user);
    add(a, "-device");
    add(a, "virtio-net-pci,netdev=net,romfile=");
    return 0;
}

/* The group that may use /dev/kvm; false when only its owner may. */
static bool kvm_group(gid_t *group)
{
    struct stat st;

    if (stat("/dev/kvm", &st) < 0 || (st.st_mode & 0060) != 0060)
        return false;
    *group = st.st_gid;
    return true;
}

/* ---- the machine protocol ---- */

static int power_down(struct engine *engine, struct err *e)
{
    return qmp_power_down(engine->qmp, e);
}

static int hear(struct engine *engine, struct err *e)
{
    int result = qmp_read(engine->qmp, e);

    engine->fate = engine->qmp->shutdown;
    return result;
}

/* One that fails while it ends may not have written everything. */
static void settle(struct engine *engine, int status)
{
    if (status != 0 && engine->fate != ENGINE_PANICKED)
        engine->fate = ENGINE_BROKE;
}

static void close_protocol(struct engine *engine)
{
    qmp_close(engine->qmp);
    free(engine->qmp);
}

static const struct engine_ops ops = {.program = "QEMU",
                                      .power_down = power_down,
                                      .hear = hear,
                                      .settle = settle,
                                      .close = close_protocol};

int engine_qemu_adopt(struct engine *engine, int machine, struct err *e)
{
    struct err ignored;

    engine->ops = &ops;
    engine->fate = ENGINE_RUNNING;
    engine->machine = machine;
    engine->console = -1;
    engine->runs = true;
    engine->qmp = calloc(1, sizeof(*engine->qmp));
    if (engine->qmp == NULL) {
        close(machine);
        return err_no_memory(e);
    }
    /* That QEMU has ended already is for whoever watches it to see. */
    (void)qmp_open(engine->qmp, machine, &ignored);
    return 0;
}

/* ---- starting it ---- */

/* The ends of two socket pairs: ours, and QEMU's. */
struct lines {
    int serial, theirs_serial, machine, theirs_machine;
};

static void lines_close(struct lines *lines)
{
    cleanup_close(&lines->serial);
    cleanup_close(&lines->theirs_serial);
    cleanup_close(&lines->machine);
    cleanup_close(&lines->theirs_machine);
}

static int start_process(const struct engine_config *config, const struct lines *lines,
                         struct engine *engine, struct err *e)
{
    _cleanup_(arguments_free) struct arguments arguments = {0};
    _cleanup_free_ char *path = NULL;
    const int fds[] = {config->kernel,       config->disk,
                       lines->theirs_serial, lines->theirs_machine,
                       config->initrd,       config->net.kind == NET_TAP ? config->net.tap : -1,
                       config->late};
    struct engine_process process = {.first = -1};

    if (spawn_locate(ENGINE_QEMU, &path, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0 && jail_fds_add(&process.keep, fds[i], e) < 0)
            return -1;
    add_machine(&arguments, config);
    add_boot(&arguments, config);
    add_disk(&arguments, config);
    add_lines(&arguments, lines->theirs_serial, lines->theirs_machine);
    add_late(&arguments, config->late);
    if (add_network(&arguments, &config->net, e) < 0)
        return -1;
    if (arguments.failed)
        return err_no_memory(e);
    process.path = path;
    process.argv = arguments.argv;
    process.outlives = config->outlives;
    process.drop_root = !config->kvm || kvm_group(&process.group);
    if (process.drop_root && geteuid() == 0 &&
        publish_check_for_nobody(config->net.ports, config->net.n_ports, e) < 0)
        return -1;
    return engine_process_start(&process, engine, e);
}

int engine_qemu_start(const struct engine_config *config, struct engine *engine, struct err *e)
{
    _cleanup_(lines_close) struct lines lines = {-1, -1, -1, -1};
    int status;

    if (engine_pair(SOCK_STREAM, &lines.serial, &lines.theirs_serial, e) < 0 ||
        engine_pair(SOCK_STREAM, &lines.machine, &lines.theirs_machine, e) < 0 ||
        start_process(config, &lines, engine, e) < 0)
        return -1;
    engine->serial = steal_fd(&lines.serial);
    if (engine_qemu_adopt(engine, steal_fd(&lines.machine), e) == 0)
        return 0;
    engine_end(engine, true, &status, NULL, 0);
    return -1;
}
