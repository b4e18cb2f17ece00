// SPDX-License-Identifier: GPL-3.0-or-later
/* attach.c: the client's side of the hub. */
#include "engine/attach.h"
#include "core/cleanup.h"
#include "engine/console.h"
#include "engine/qmp.h"
#include "engine/supervise.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

struct attached {
    const struct running *running;
    struct console console;
    int hub, signals;
    bool left;
    int status;
    char why[HUB_BYTES + 1];
};

/* What a hub that is gone has no use for is lost. */
static void tell(const struct attached *a, enum hub_kind kind)
{
    struct hub_packet packet = {.kind = kind};

    (void)hub_send(a->hub, &packet);
}

static void tell_window(const struct attached *a)
{
    struct hub_packet packet = {.kind = HUB_WINDOW};

    if (console_window(&a->console, &packet.columns, &packet.rows))
        (void)hub_send(a->hub, &packet);
}

static void type(struct attached *a)
{
    struct hub_packet packet = {.kind = HUB_TYPE};
    unsigned wishes = console_read(&a->console);

    packet.n = (uint32_t)a->console.n_pending;
    memcpy(packet.bytes, a->console.pending, packet.n);
    a->console.n_pending = 0;
    if (packet.n > 0)
        (void)hub_send(a->hub, &packet);
    if ((wishes & CONSOLE_END) != 0)
        tell(a, HUB_END);
    if ((wishes & CONSOLE_POWER_OFF) != 0)
        tell(a, HUB_POWER_OFF);
    a->left = a->left || (wishes & CONSOLE_LEAVE) != 0;
}

/* Returns false when it is over. */
static bool hear(struct attached *a)
{
    struct hub_packet packet;
    int got = hub_receive(a->hub, &packet, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got > 0 && packet.kind == HUB_SHOW)
        console_show(&a->console, packet.bytes, packet.n);
    if (got > 0 && packet.kind == HUB_OVER) {
        a->status = packet.status;
        memcpy(a->why, packet.bytes, packet.n);
        return false;
    }
    return got > 0;
}

static void take_signals(struct attached *a)
{
    struct signalfd_siginfo info;

    while (read(a->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGWINCH)
            tell_window(a);
        else
            a->left = true; /* who leaves a console does not end the guest */
    }
}

static void loop(struct attached *a)
{
    bool goes_on = true;

    tell(a, HUB_ATTACH);
    tell_window(a);
    while (goes_on && !a->left) {
        struct pollfd polls[] = {{a->hub, POLLIN, 0},
                                 {a->console.reads ? STDIN_FILENO : -1, POLLIN, 0},
                                 {a->signals, POLLIN, 0}};

        if (poll(polls, 3, -1) < 0)
            continue;
        if (polls[2].revents != 0)
            take_signals(a);
        if (polls[1].revents != 0)
            type(a);
        if (polls[0].revents != 0)
            goes_on = hear(a);
    }
}

static int check_looked_after(const struct running *running, struct err *e)
{
    if (running->state == RUNNING_LOOKED_AFTER)
        return 0;
    err_set(e, ERR_REFUSED, "%s has no console any more: its supervisor was killed", running->name);
    return err_hint(e, "berth stop %s", running->name);
}

int attach_console(const struct running *running, int *status, struct err *e)
{
    struct attached a = {.running = running, .hub = -1, .signals = -1};
    _cleanup_close_ int hub = -1, signals = -1;

    if (check_looked_after(running, e) < 0 || (a.hub = hub = running_connect(running, e)) < 0 ||
        (a.signals = signals = supervise_signals(e)) < 0 || console_open(&a.console, e) < 0)
        return -1;
    loop(&a);
    console_close(&a.console);
    if (a.left)
        fprintf(stderr, "berth: %s goes on\n", running->name);
    *status = a.status;
    return a.why[0] == '\0' ? 0 : err_set(e, ERR_CRASHED, "%s", a.why);
}

/* ---- stopping it ---- */

static time_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* True when the descriptor became readable in that time. */
static bool wait_for(int fd, int seconds)
{
    time_t deadline = now() + seconds;
    struct pollfd poll_fd = {fd, POLLIN, 0};
    int ready;

    do
        ready = poll(&poll_fd, 1, (int)(deadline - now()) * 1000);
    while (ready < 0 && errno == EINTR && now() < deadline);
    return ready > 0;
}

static int did_not(const struct running *running, int seconds, struct err *e)
{
    err_set(e, ERR_FAILED, "%s did not power off in %d seconds; it goes on", running->name,
            seconds);
    return err_hint(e, "look at it with berth console %s, or end it with berth stop --force %s",
                    running->name, running->name);
}

/* QEMU has a socket for this; what it answers is left in it. */
static int press_qemu(const struct running *running, struct qmp *qmp, struct err *e)
{
    int machine = running_connect_machine(running, e);

    if (machine >= 0 && qmp_open(qmp, machine, e) == 0 && qmp_power_down(qmp, e) == 0)
        return 0;
    return err_hint(e, "power it off from inside, or end it with berth stop --force %s",
                    running->name);
}

/* Its supervisor was killed. */
static int stop_alone(const struct running *running, bool force, int seconds, struct err *e)
{
    const enum running_end how = force                                 ? RUNNING_KILL
                                 : strcmp(running->engine, "kvm") == 0 ? RUNNING_PRESS
                                                                       : RUNNING_WATCH;
    _cleanup_(qmp_close) struct qmp qmp = {.fd = -1};
    _cleanup_close_ int end = running_signal(running, how, e);

    if (end < 0 || (how == RUNNING_WATCH && press_qemu(running, &qmp, e) < 0))
        return -1;
    return wait_for(end, seconds) ? 0 : did_not(running, seconds, e);
}

int attach_stop(const struct running *running, bool force, int seconds, struct err *e)
{
    struct hub_packet packet = {.kind = force ? HUB_END : HUB_POWER_OFF};
    _cleanup_close_ int hub = -1;

    if (running->state == RUNNING_ALONE)
        return stop_alone(running, force, seconds, e);
    hub = running_connect(running, e);
    if (hub < 0)
        return -1;
    if (hub_send(hub, &packet) < 0)
        return err_errno(e, "asking %s", running->name);
    return wait_for(hub, seconds) ? 0 : did_not(running, seconds, e);
}
