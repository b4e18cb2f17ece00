// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * engine_kvm.c: writes the run description and hands over descriptors.
 *
 * The monitor's descriptors are copies at numbers from FIRST_COPY on, out of the way of its
 * description at number 3; a range's descriptor is one of the disk's, so that the monitor holds the
 * disk's claims as long as it lives.
 */
#include "engine/engine_kvm.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/libexec.h"
#include "engine/engine_control.h"
#include "engine/passt.h"
#include "hypervisor/description.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define FIRST_COPY 16

/* With more ranges the monitor's list of system calls has no room for a second descriptor of each.
 */
#define DIRECT_RANGES 32

/* ---- the description ---- */

/* Copies of descriptors, closed when the monitor has them. */
struct copies {
    struct jail_fds list;
};

static void copies_close(struct copies *copies)
{
    for (size_t i = 0; i < copies->list.n; i++)
        close(copies->list.fds[i]);
}

/* -1 stays -1. Returns -2 on failure. */
static int copy_of(struct copies *copies, int fd, struct err *e)
{
    int copy;

    if (fd < 0)
        return -1;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_COPY);
    if (copy < 0) {
        err_errno(e, "a descriptor for the monitor");
        return -2;
    }
    if (jail_fds_add(&copies->list, copy, e) == 0)
        return copy;
    close(copy);
    return -2;
}

/* The same device, past the host's page cache; 0 for a file, or where it cannot be had. */
static int open_direct(const struct engine_config *config, struct copies *copies, int device)
{
    _cleanup_close_ int fd = -1;
    struct err ignored;
    char path[64];
    struct stat st;
    int copy;

    if (config->n_ranges > DIRECT_RANGES || config->overlay >= 0 || fstat(device, &st) < 0 ||
        !S_ISBLK(st.st_mode))
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", device);
    fd = open(path, (config->read_only ? O_RDONLY : O_RDWR) | O_DIRECT | O_CLOEXEC);
    copy = copy_of(copies, fd, &ignored);
    return copy < 0 ? 0 : copy;
}

/* Ranges that share a descriptor share its copies. */
static int describe_disk(const struct engine_config *config, struct copies *copies,
                         struct description *d, struct err *e)
{
    if (config->n_ranges > STORAGE_RANGES)
        return err_set(e, ERR_UNSUPPORTED, "the disk is in more than %d pieces", STORAGE_RANGES);
    d->disk_bytes = config->disk_bytes;
    d->sector = config->sector;
    d->read_only = config->read_only;
    d->n_ranges = config->n_ranges;
    for (unsigned i = 0; i < config->n_ranges; i++) {
        unsigned same = 0;

        while (config->ranges[same].fd != config->ranges[i].fd)
            same++;
        d->ranges[i] = config->ranges[i];
        d->ranges[i].fd = same < i ? d->ranges[same].fd : copy_of(copies, config->ranges[i].fd, e);
        if (d->ranges[i].fd < 0)
            return -1;
        d->ranges[i].direct =
            same < i ? d->ranges[same].direct : open_direct(config, copies, config->ranges[i].fd);
    }
    return 0;
}

static int describe_files(const struct engine_config *config, struct copies *copies,
                          struct description *d, struct err *e)
{
    const struct {
        int fd;
        int32_t *copy;
    } files[] = {{config->kernel, &d->kernel},
                 {config->payload, &d->payload},
                 {config->initrd, &d->initrd},
                 {config->overlay, &d->overlay},
                 {config->overlay_map, &d->overlay_map}};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        *files[i].copy = copy_of(copies, files[i].fd, e);
        if (*files[i].copy < -1)
            return -1;
    }
    return 0;
}

static int fill_random(struct description *d, struct err *e)
{
    if (getrandom(d->seed, sizeof(d->seed), 0) != (ssize_t)sizeof(d->seed) ||
        getrandom(d->place, sizeof(d->place), 0) != (ssize_t)sizeof(d->place) ||
        getrandom(d->generation, sizeof(d->generation), 0) != (ssize_t)sizeof(d->generation) ||
        getrandom(d->mac, sizeof(d->mac), 0) != (ssize_t)sizeof(d->mac))
        return err_errno(e, "randomness for the guest");
    d->mac[0] = (uint8_t)((d->mac[0] & ~1) | 2); /* one station, of local making */
    return 0;
}

static int describe(const struct engine_config *config, struct copies *copies,
                    struct description *d, struct err *e)
{
    *d = (struct description){.magic = DESCRIPTION_MAGIC,
                              .memory = config->memory,
                              .cpus = config->cpus,
                              .console = -1,
                              .state = -1,
                              .net = -1,
                              .rng = 1};
    if (config->cpus > CPUS_MAX)
        return err_set(e, ERR_USAGE, "--engine kvm has at most %d processors", CPUS_MAX);
    if (strlen(config->command_line) >= sizeof(d->command_line))
        return err_set(e, ERR_USAGE, "the kernel's command line is longer than %zu characters",
                       sizeof(d->command_line) - 1);
    snprintf(d->name, sizeof(d->name), "%s", config->name);
    snprintf(d->command_line, sizeof(d->command_line), "%s", config->command_line);
    if (fill_random(d, e) < 0 || describe_files(config, copies, d, e) < 0)
        return -1;
    return describe_disk(config, copies, d, e);
}

static int seal_description(const struct description *d, struct err *e)
{
    _cleanup_close_ int fd = memfd_create("description", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_errno(e, "a memory file for the monitor");
    if (io_pwrite(fd, d, sizeof(*d), 0, e) < 0)
        return -1;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return err_errno(e, "sealing the run description");
    return steal_fd(&fd);
}

/* ---- the network ---- */

static int start_network(const struct net *net, struct passt *passt, struct engine *engine,
                         struct copies *copies, struct description *d, struct err *e)
{
    _cleanup_close_ int line = -1;

    if (net->kind == NET_NONE)
        return 0;
    d->net_kind = net->kind == NET_TAP ? DESCRIPTION_NET_TAP : DESCRIPTION_NET_STREAM;
    if (net->kind == NET_USER && passt_start(net->ports, net->n_ports, passt, &line, e) < 0)
        return -1;
    engine->net = passt->pid;
    d->net = copy_of(copies, net->kind == NET_TAP ? net->tap : line, e);
    return d->net < 0 ? -1 : 0;
}

/* ---- starting it ---- */

static int start_process(const struct description *d, const struct copies *copies, bool outlives,
                         struct engine *engine, struct err *e)
{
    _cleanup_close_ int description = seal_description(d, e);
    _cleanup_free_ char *path = NULL;
    char *argv[] = {(char *)(uintptr_t)MONITOR_PROGRAM, NULL};
    struct engine_process process = {
        .argv = argv, .keep = copies->list, .first = description, .outlives = outlives};

    if (description < 0 || (path = libexec_path(MONITOR_PROGRAM, e)) == NULL)
        return -1;
    process.path = path;
    return engine_process_start(&process, engine, e);
}

/* Everything it needs is a copy in `copies`; what is ours stays in the engine. */
static int start(const struct engine_config *config, struct copies *copies, struct passt *passt,
                 struct engine *engine, struct err *e)
{
    _cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), serial = -1, console = -1,
                        control = -1;
    struct description d;

    if (kvm < 0)
        return err_errno(e, "/dev/kvm");
    if (engine_pair(SOCK_STREAM, &engine->serial, &serial, e) < 0 ||
        engine_pair(SOCK_STREAM, &engine->console, &console, e) < 0 ||
        engine_pair(SOCK_SEQPACKET, &engine->machine, &control, e) < 0 ||
        describe(config, copies, &d, e) < 0)
        return -1;
    if (fcntl(serial, F_SETFL, O_NONBLOCK) < 0 || fcntl(console, F_SETFL, O_NONBLOCK) < 0)
        return err_errno(e, "sockets for the guest's lines");
    d.kvm = copy_of(copies, kvm, e);
    d.serial = copy_of(copies, serial, e);
    d.console = copy_of(copies, console, e);
    d.control = copy_of(copies, control, e);
    if (d.kvm < 0 || d.serial < 0 || d.console < 0 || d.control < 0 ||
        start_network(&config->net, passt, engine, copies, &d, e) < 0)
        return -1;
    return start_process(&d, copies, config->outlives, engine, e);
}

int engine_kvm_start(const struct engine_config *config, struct engine *engine, struct err *e)
{
    _cleanup_(copies_close) struct copies copies = {0};
    _cleanup_(passt_close) struct passt passt = {.ready = -1, .words = -1};
    int status;

    *engine = (struct engine){
        .ops = &engine_control, .pidfd = -1, .serial = -1, .console = -1, .machine = -1};
    if (start(config, &copies, &passt, engine, e) == 0) {
        /* the guest boots meanwhile: passt has long begun when that wants the network */
        if (passt_wait(&passt, e) == 0)
            return 0;
        engine_end(engine, true, &status, NULL, 0);
        return -1;
    }
    cleanup_close(&engine->serial);
    cleanup_close(&engine->console);
    engine_control.close(engine);
    return -1;
}
