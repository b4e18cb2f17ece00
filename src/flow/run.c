// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * run.c: claim, read, view, serve, start, stay.
 *
 * Between guest_claim and disk_close every byte outside the guest's partitions is out of reach
 * three times over: the view sends it elsewhere, the disk refuses writes that are not claimed, and
 * the server has no other descriptor.
 */
#include "flow/run.h"
#include "block/disk.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/jail.h"
#include "core/size.h"
#include "core/spawn.h"
#include "flow/boot_reader.h"
#include "flow/disk_log.h"
#include "flow/disk_server.h"
#include "flow/engine_kvm.h"
#include "flow/engine_qemu.h"
#include "flow/guest.h"
#include "flow/kernel_cache.h"
#include "flow/kvm_probe.h"
#include "flow/private_disk.h"
#include "flow/view.h"
#include "hypervisor/machine.h"
#include "os/journal.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>

#define MEMORY_DEFAULT (1 * GIB)
#define MEMORY_MIN     (64 * MIB)

/* The devices between the guest and its disk, the upper ones standing on the lower. */
struct stack {
    struct disk *disk;
    struct blockdev *private_disk, *view, *overlay;
    struct blockdev *top;  /* view, or overlay */
    struct blockdev *root; /* the root partition, through top */
    struct jail_fds fds;   /* every descriptor they use */
};

struct session {
    const struct run_request *request;
    struct guest guest;
    struct stack stack;
    int signals;
    bool kvm; /* a kernel runs under /dev/kvm */
    char why_not[160];
    bool own; /* the monitor runs it, else QEMU */
};

char *state_folder(struct err *e)
{
    const char *state = getenv("BERTH_STATE"), *xdg = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");
    _cleanup_free_ char *path = NULL;

    if (state != NULL && *state != '\0')
        path = io_format(e, "%s", state);
    else if (geteuid() == 0)
        path = io_format(e, "/var/lib/berth/state");
    else if (xdg != NULL && *xdg == '/')
        path = io_format(e, "%s/berth", xdg);
    else
        path = io_format(e, "%s/.local/state/berth", home != NULL ? home : "/tmp");
    if (path == NULL || io_make_dirs(path, e) < 0)
        return NULL;
    return steal(path);
}

static void stack_close(struct stack *stack)
{
    blockdev_close(stack->root);
    blockdev_close(stack->overlay);
    blockdev_close(stack->view);
    blockdev_close(stack->private_disk);
    disk_close(stack->disk);
}

/* The layers above the claimed disk. */
static int stack_build(struct stack *stack, const struct run_request *request,
                       const struct guest *guest, struct err *e)
{
    _cleanup_free_ char *folder = state_folder(e);
    struct extent own[GUEST_PARTITIONS_MAX];

    if (folder == NULL)
        return -1;
    for (size_t i = 0; i < guest->n_own; i++)
        own[i] = guest->own[i]->range;
    stack->private_disk = private_disk_make(request->survey, guest->own, guest->n_own, folder, e);
    if (stack->private_disk == NULL)
        return -1;
    stack->view = view_open(disk_blockdev(stack->disk), stack->private_disk, own, guest->n_own, e);
    stack->top = stack->view;
    if (stack->view != NULL && request->ephemeral)
        stack->top = stack->overlay = overlay_open(stack->view, folder, e);
    if (stack->top == NULL)
        return -1;
    stack->root = slice_open(stack->top, own[0], e);
    return stack->root == NULL ? -1 : 0;
}

static int stack_open(struct stack *stack, const struct run_request *request,
                      const struct guest *guest, struct err *e)
{
    const struct survey *survey = request->survey;
    struct jail_fds before;

    if (jail_list_fds(&before, e) < 0)
        return -1;
    stack->disk = disk_open(survey->path, true, survey->sector, e);
    if (stack->disk == NULL || guest_claim(guest, survey, stack->disk, e) < 0 ||
        stack_build(stack, request, guest, e) < 0)
        return -1;
    return jail_fds_since(&before, &stack->fds, e);
}

/* ---- one boot ---- */

static char *command_line(const struct session *session, struct err *e)
{
    const struct record_system *system = session->guest.system;
    const char *options = system->kernel_options != NULL ? system->kernel_options : "";
    const char *fs_uuid = session->guest.own[0]->fs_uuid;
    char text[GUID_TEXT];

    if (fs_uuid == NULL)
        fs_uuid = guid_print(&system->fs_uuid, text);
    return io_format(e, "root=UUID=%s ro %s%sconsole=ttyS0", fs_uuid, options,
                     *options != '\0' ? " " : "");
}

static const char *first_of(const char *a, const char *b, const char *otherwise)
{
    return a != NULL ? a : b != NULL ? b : otherwise;
}

static struct engine_config engine_config(const struct session *session)
{
    const struct run_request *request = session->request;
    const struct record_system *system = session->guest.system;
    struct engine_config config = {.name = request->name,
                                   .memory = request->memory,
                                   .cpus = request->cpus,
                                   .sector = session->stack.top->sector,
                                   .kvm = session->kvm,
                                   .payload = -1,
                                   .disk = -1,
                                   .overlay = -1,
                                   .overlay_map = -1};

    if (config.memory == 0)
        config.memory = system->memory != 0 ? system->memory : MEMORY_DEFAULT;
    if (config.cpus == 0)
        config.cpus = system->cpus != 0 ? system->cpus : 1;
    config.net = strcmp(first_of(request->net, system->net, "user"), "user") == 0;
    return config;
}

/* The guest changes its filesystem: what was done to the disk before is not undone over it. */
static int note_run(struct session *session, struct err *e)
{
    _cleanup_free_ char *text = NULL;

    if (session->request->ephemeral)
        return 0;
    text = io_format(e, "run %s", session->request->name);
    return text == NULL ? -1 : disk_log_note(session->stack.disk, text, e);
}

/* A kernel that cannot be unpacked here unpacks itself. */
static int open_payload(const struct session *session, int kernel)
{
    struct err err;
    _cleanup_free_ char *folder = state_folder(&err);
    int payload = -1;

    if (folder != NULL && session->own)
        payload = kernel_cache_open(&session->guest.own[0]->uuid, folder, kernel, &err);
    if (payload < 0 && session->own && err.code != ERR_OK)
        ui_note(session->request->ui, "its kernel unpacks itself, which takes longer: %s",
                err.text);
    return payload;
}

/* Reads the guest's kernel and starts the engine that `start` is. */
static int start_engine(struct session *session, struct engine_config *config,
                        int (*start)(const struct engine_config *, struct engine *, struct err *),
                        struct engine *engine, struct err *e)
{
    struct boot_files files = {.kernel = -1, .initrd = -1};
    _cleanup_free_ char *line = command_line(session, e);
    int result;

    if (line == NULL || boot_reader_read(session->stack.root, &session->stack.fds,
                                         session->request->name, &files, e) < 0)
        return -1;
    ui_note(session->request->ui, "%s: Linux %s", session->request->name, files.version);
    config->kernel = files.kernel;
    config->initrd = files.initrd;
    config->payload = open_payload(session, files.kernel);
    config->command_line = line;
    result = note_run(session, e);
    if (result == 0)
        result = start(config, engine, e);
    cleanup_close(&config->payload);
    boot_files_close(&files);
    return result;
}

static int stay(struct session *session, struct engine *engine, int server, enum run_end *end,
                struct err *e)
{
    struct console console;
    struct watch watch = {.console = &console,
                          .signals = session->signals,
                          .server = server,
                          .name = session->request->name,
                          .patience = -1};
    int result, status;

    if (console_open(&console, e) < 0) {
        engine_end(engine, true, &status, NULL, 0);
        return -1;
    }
    result = supervise(engine, &watch, end, e);
    console_close(&console);
    return result;
}

/* QEMU gets the disk from a server, which holds the claims as well. */
static int boot_qemu(struct session *session, enum run_end *end, struct err *e)
{
    struct engine_config config = engine_config(session);
    struct jail_child server;
    struct engine engine;
    struct err why = {0};
    int result;

    if (disk_server_start(session->stack.top, &session->stack.fds, "the server of the guest's disk",
                          &server, &config.disk, e) < 0)
        return -1;
    result = start_engine(session, &config, engine_qemu_start, &engine, e);
    close(config.disk); /* the engine's copy is now the only one, or there is none */
    if (result == 0)
        result = stay(session, &engine, server.report, end, e);
    if (jail_wait(&server, &why) < 0 && result == 0 && *end != RUN_ENDED) {
        *e = why;
        result = -1;
    }
    return result;
}

/* The monitor gets the disk's own descriptors. */
static int boot_kvm(struct session *session, enum run_end *end, struct err *e)
{
    struct engine_config config = engine_config(session);
    struct storage_range ranges[STORAGE_RANGES];
    struct engine engine;
    int n = view_ranges(session->stack.view, ranges, e);

    if (n < 0)
        return -1;
    config.ranges = ranges;
    config.n_ranges = (unsigned)n;
    config.disk_bytes = session->stack.top->bytes;
    if (session->stack.overlay != NULL)
        overlay_files(session->stack.overlay, &config.overlay, &config.overlay_map);
    if (start_engine(session, &config, engine_kvm_start, &engine, e) < 0)
        return -1;
    return stay(session, &engine, -1, end, e);
}

static int note_journal(struct session *session, struct err *e)
{
    bool needs;

    if (journal_needs_recovery(session->stack.root, &needs, e) < 0)
        return -1;
    if (needs)
        ui_note(session->request->ui,
                "%s was not shut down cleanly: it mends its filesystem when it boots; a kernel "
                "installed just before that may be missing this time",
                session->request->name);
    return 0;
}

static bool interrupted(const struct session *session)
{
    struct pollfd poll_signals = {session->signals, POLLIN, 0};

    return poll(&poll_signals, 1, 0) > 0;
}

static int boot_until_off(struct session *session, enum run_end *end, struct err *e)
{
    do {
        if (interrupted(session))
            return err_set(e, ERR_INTERRUPTED, "%s was not started", session->request->name);
        if ((session->own ? boot_kvm(session, end, e) : boot_qemu(session, end, e)) < 0)
            return -1;
    } while (*end == RUN_RESET && !session->request->no_reboot);
    return 0;
}

/* ---- all of it ---- */

static int check_request(const struct session *session, struct err *e)
{
    struct engine_config config = engine_config(session);

    if (config.memory < MEMORY_MIN || config.memory % MIB != 0)
        return err_set(e, ERR_USAGE, "memory: expected a whole number of MiB from 64 on");
    if (config.cpus > RUN_CPUS_MAX)
        return err_set(e, ERR_USAGE, "cpus: expected 1 to %d", RUN_CPUS_MAX);
    return 0;
}

/* The monitor's network is passt's; QEMU brings its own. */
static bool has_network(const struct session *session)
{
    _cleanup_free_ char *passt = NULL;

    if (!engine_config(session).net)
        return true;
    passt = spawn_find("passt");
    return passt != NULL;
}

/* Without a wish: QEMU where /dev/kvm runs no kernel, or for what the monitor has not. */
static int choose_engine(struct session *session, struct err *e)
{
    const char *wanted = first_of(session->request->engine, session->guest.system->engine, "auto");

    session->kvm = engine_kvm_usable(session->why_not, sizeof(session->why_not));
    session->own = strcmp(wanted, "kvm") == 0 ||
                   (strcmp(wanted, "auto") == 0 && session->kvm &&
                    engine_config(session).cpus <= CPUS_MAX && has_network(session));
    if (!session->own || session->kvm)
        return 0;
    err_set(e, ERR_UNSUPPORTED, "--engine kvm: %s", session->why_not);
    return err_hint(e, "--engine qemu runs it in software, slowly");
}

static void announce(struct session *session)
{
    struct ui *ui = session->request->ui;

    if (!session->kvm)
        ui_note(ui, "software emulation, which is slow: %s", session->why_not);
    if (session->request->ephemeral)
        ui_note(ui, "ephemeral: every change is forgotten at the end");
    if (isatty(STDIN_FILENO))
        ui_note(ui, "Ctrl-] powers %s off, a second one ends it at once", session->request->name);
}

static int run_session(struct session *session, enum run_end *end, struct err *e)
{
    if (guest_find(session->request->survey, session->request->name, &session->guest, e) < 0 ||
        stack_open(&session->stack, session->request, &session->guest, e) < 0 ||
        check_request(session, e) < 0 || choose_engine(session, e) < 0)
        return -1;
    session->signals = supervise_signals(e);
    if (session->signals < 0)
        return -1;
    announce(session);
    if (note_journal(session, e) < 0)
        return -1;
    return boot_until_off(session, end, e);
}

int run_guest(const struct run_request *request, enum run_end *end, struct err *e)
{
    struct session session = {.request = request, .signals = -1};
    int result = run_session(&session, end, e);

    cleanup_close(&session.signals);
    stack_close(&session.stack);
    return result;
}
