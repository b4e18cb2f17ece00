// SPDX-License-Identifier: GPL-3.0-or-later
/* run.c: claim, read, view, serve, start, stay. */
#include "run/run.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/jail.h"
#include "core/libexec.h"
#include "engine/disk_server.h"
#include "engine/engine_kvm.h"
#include "engine/engine_qemu.h"
#include "engine/running.h"
#include "os/journal.h"
#include "run/run_parts.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <time.h>

#define TAP "tap" /* of the network, handed over */

/* ---- staying with it ---- */

/* Tells two guests of one name and disk apart, of which one may be a bare kernel without a disk. */
static void find_key(const struct session *session, char key[GUID_TEXT])
{
    if (session->request->bare == NULL)
        guid_print(&session->guest.own[0]->uuid, key);
    else
        snprintf(key, GUID_TEXT, "%d", (int)getpid());
}

/* Where QEMU is told to power off when this process was killed. */
static int listen_late(const struct session *session, struct err *e)
{
    char key[GUID_TEXT], name[64];
    const struct running running = {.name = name, .disk = (char *)(uintptr_t)session->disk_path};

    snprintf(name, sizeof(name), "%s", session->request->name);
    find_key(session, key);
    return running_listen_machine(&running, key, &session->keeper->hub, e);
}

/* Others find it by this. */
static int announce_running(struct session *session, const struct engine *engine, struct err *e)
{
    const struct run_request *request = session->request;
    const struct engine_config config = run_engine_config(session);
    char key[GUID_TEXT], name[64], kind[8], net[32];
    const struct running running = {.name = name,
                                    .disk = session->disk_path,
                                    .engine = kind,
                                    .net = net,
                                    .note = *session->note != '\0' ? session->note : NULL,
                                    .memory = config.memory,
                                    .cpus = config.cpus,
                                    .ephemeral = request->ephemeral,
                                    .since = (time_t)session->keeper->since,
                                    .pid = engine->pid};

    snprintf(name, sizeof(name), "%s", request->name);
    snprintf(kind, sizeof(kind), "%s", session->own ? "kvm" : "qemu");
    snprintf(net, sizeof(net), "%s",
             session->net.kind == NET_NONE ? "none" : run_network_text(session));
    find_key(session, key);
    return running_announce(&running, key, &session->keeper->hub, e);
}

static int stay(struct session *session, struct engine *engine, int server, enum run_end *end,
                struct err *e)
{
    struct console console;
    struct watch watch = {.console = &console,
                          .signals = session->signals,
                          .server = server,
                          .name = session->request->name,
                          .patience = -1,
                          .hub = &session->keeper->hub,
                          .leaves = session->request->detach};
    int result, status;

    if (announce_running(session, engine, e) < 0 || jail_close_inherited(e) < 0 ||
        console_open(&console, e) < 0) {
        engine_end(engine, true, &status, NULL, 0);
        return -1;
    }
    result = supervise(engine, &watch, end, e);
    console_close(&console);
    return result;
}

/* From here on this process is the keeper, which may become berth again: it does not return. */
static int become_keeper(struct session *session, struct engine *engine, const char *path,
                         struct err *e)
{
    struct keeper *keeper = session->keeper;
    int status;

    snprintf(keeper->name, sizeof(keeper->name), "%s", session->request->name);
    keeper->no_reboot = session->request->no_reboot;
    keeper->leaves = session->request->detach;
    if (announce_running(session, engine, e) == 0)
        (void)keeper_become(keeper, engine, path, e);
    engine_end(engine, true, &status, NULL, 0);
    return -1;
}

/* ---- one boot ---- */

static int start_qemu(struct session *session, struct engine_config *config, struct engine *engine,
                      struct err *e)
{
    _cleanup_close_ int late = listen_late(session, e);

    config->late = late;
    return late < 0 ? -1 : run_start_engine(session, config, engine_qemu_start, engine, e);
}

static int boot_qemu_diskless(struct session *session, enum run_end *end, struct err *e)
{
    struct engine_config config = run_engine_config(session);
    struct engine engine;

    if (start_qemu(session, &config, &engine, e) < 0)
        return -1;
    return stay(session, &engine, -1, end, e);
}

/* QEMU gets the disk from a server, which holds the claims as well. */
static int boot_qemu(struct session *session, enum run_end *end, struct err *e)
{
    struct engine_config config = run_engine_config(session);
    struct jail_child server;
    struct engine engine;
    struct err why = {0};
    int result;

    if (session->disk.top == NULL)
        return boot_qemu_diskless(session, end, e);
    if (disk_server_start(session->disk.top, &session->disk.fds, "the server of the guest's disk",
                          &server, &config.disk, e) < 0)
        return -1;
    result = start_qemu(session, &config, &engine, e);
    close(config.disk); /* the engine's copy is now the only one, or there is none */
    if (result == 0)
        result = stay(session, &engine, server.report, end, e);
    if (jail_wait(&server, &why) < 0 && result == 0 && *end != RUN_ENDED) {
        *e = why;
        result = -1;
    }
    return result;
}

static int hold(struct session *session, const struct engine_config *config, struct err *e)
{
    struct handover *held = &session->keeper->held;

    held->n = 0;
    if (session->net.kind == NET_TAP && handover_add(held, TAP, session->net.tap, e) < 0)
        return -1;
    return guest_disk_hold(&session->disk, config->ranges, config->n_ranges, held, e);
}

/* The monitor gets the disk's own descriptors. */
static int boot_kvm(struct session *session, struct err *e)
{
    struct engine_config config = run_engine_config(session);
    struct storage_range ranges[STORAGE_RANGES];
    _cleanup_free_ char *keeper = libexec_path(KEEPER_PROGRAM, e);
    struct engine engine;
    int n = keeper == NULL ? -1 : guest_disk_ranges(&session->disk, ranges, e);

    if (n < 0)
        return -1;
    config.ranges = ranges;
    config.n_ranges = (unsigned)n;
    if (n > 0)
        config.disk_bytes = session->disk.top->bytes;
    if (session->disk.overlay != NULL)
        overlay_files(session->disk.overlay, &config.overlay, &config.overlay_map);
    if (hold(session, &config, e) < 0 ||
        run_start_engine(session, &config, engine_kvm_start, &engine, e) < 0)
        return -1;
    return become_keeper(session, &engine, keeper, e);
}

static bool interrupted(const struct session *session)
{
    struct signalfd_siginfo info;

    while (read(session->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo != SIGWINCH)
            return true;
    return false;
}

static int boot_until_off(struct session *session, enum run_end *end, struct err *e)
{
    do {
        if (interrupted(session))
            return err_set(e, ERR_INTERRUPTED, "%s was not started", session->request->name);
        if (session->own)
            return boot_kvm(session, e); /* which is all of it */
        if (boot_qemu(session, end, e) < 0)
            return -1;
    } while (*end == RUN_RESET && !session->request->no_reboot);
    return 0;
}

static int note_journal(struct session *session, struct err *e)
{
    bool needs;

    if (session->request->bare != NULL)
        return 0;
    if (journal_needs_recovery(session->disk.root, &needs, e) < 0)
        return -1;
    if (needs)
        ui_note(session->request->ui,
                "%s was not shut down cleanly: it mends its filesystem when it boots; a kernel "
                "installed just before that may be missing this time",
                session->request->name);
    return 0;
}

/* ---- all of it ---- */

static void announce(struct session *session)
{
    struct ui *ui = session->request->ui;

    if (!session->kvm && session->own)
        ui_note(ui, "%s may fail: %s", session->request->name, session->why_not);
    if (*session->note != '\0')
        ui_note(ui, "%s: %s", session->request->name, session->note);
    if (session->request->ephemeral)
        ui_note(ui, "ephemeral: every change is forgotten at the end");
    if (isatty(STDIN_FILENO) && !session->request->detach)
        ui_note(ui, CONSOLE_KEYS);
}

static int open_network(struct session *session, struct err *e)
{
    const struct run_request *request = session->request;
    const char *text = run_network_text(session);

    if (request->again)
        return net_go_on(text, request->ports, request->n_ports, handover_copy(TAP), &session->net,
                         e);
    return net_open(text, request->ports, request->n_ports, &session->net, e);
}

static int find_and_claim(struct session *session, struct err *e)
{
    const struct run_request *request = session->request;
    const struct bare *bare = request->bare;
    const char *path = bare == NULL         ? request->survey->path
                       : bare->disk != NULL ? bare->disk
                                            : bare->kernel;

    if (realpath(path, session->disk_path) == NULL)
        return err_errno(e, "%s", path);
    session->guest.system = &run_no_system;
    if (bare == NULL && guest_find(request->survey, request->name, &session->guest, e) < 0)
        return -1;
    if (run_check_session(session, e) < 0)
        return -1;
    return guest_disk_open(&session->disk, request, &session->guest, e);
}

/* What has its partitions may be a guest of this user: itself. */
static void point_at_running(const struct session *session, struct err *e)
{
    struct running_list list;
    struct err ignored;

    if (e->code != ERR_IN_USE || running_find_all(&list, &ignored) < 0)
        return;
    for (size_t i = 0; i < list.n; i++)
        if (strcmp(list.items[i].name, session->request->name) == 0 &&
            strcmp(list.items[i].disk, session->disk_path) == 0) {
            *e->hint = '\0';
            err_hint(e, "it runs: `berth console %s` shows it, `berth stop %s` powers it off",
                     list.items[i].name, list.items[i].name);
        }
    running_list_free(&list);
}

static int run_session(struct session *session, enum run_end *end, struct err *e)
{
    if (find_and_claim(session, e) < 0) {
        point_at_running(session, e);
        return -1;
    }
    if (open_network(session, e) < 0 || run_choose_engine(session, e) < 0)
        return -1;
    session->signals = supervise_signals(e);
    if (session->signals < 0)
        return -1;
    if (!session->request->again)
        announce(session);
    if (note_journal(session, e) < 0)
        return -1;
    return boot_until_off(session, end, e);
}

int run_guest(const struct run_request *request, enum run_end *end, struct err *e)
{
    struct session session = {
        .request = request, .keeper = request->keeper, .signals = -1, .disk.whole = -1};
    struct hub *hub = &request->keeper->hub;
    int result = run_session(&session, end, e);

    cleanup_close(&session.signals);
    net_close(&session.net);
    guest_disk_close(&session.disk);
    if (result < 0 && !hub->foreground)
        syslog(LOG_DAEMON | LOG_ERR, "berth: %s", e->text);
    hub_over(hub, result < 0 ? err_exit_status(e->code) : supervise_status(*end),
             result < 0 ? e->text : "");
    return result;
}
