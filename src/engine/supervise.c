// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * supervise.c: one poll loop over terminal, the guest's lines, machine protocol, signals, clients
 * and the engine.
 *
 * A guest has a serial line, on which it boots, and may have a virtio console. Both are shown; what
 * is typed goes to the serial line until the console has said something.
 */
#include "engine/supervise.h"
#include "core/cleanup.h"
#include "engine/leave.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define SERVER_WAIT 3000 /* milliseconds */

#define STATUS_RESET 10
#define STATUS_ENDED 130

enum { IN, SERIAL_LINE, CONSOLE_LINE, MACHINE, SIGNALS, ENGINE, SERVER, LISTEN, CLIENT };
#define N_POLLS (CLIENT + HUB_CLIENTS)

struct supervision {
    struct engine *engine;
    const struct watch *watch;
    unsigned types_to; /* the line that gets what is typed */
    bool asked;        /* the power button was pressed */
    bool has_grace;    /* and there is a deadline */
    bool forced;       /* the engine is to end now */
    bool disk_lost;
    bool hangs;
    time_t deadline; /* of has_grace, CLOCK_MONOTONIC seconds */
    struct pollfd polls[N_POLLS];
};

int supervise_signals(struct err *e)
{
    static const int heard[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
    sigset_t set;
    int fd;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
        sigaddset(&set, heard[i]);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_errno(e, "blocking signals");
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_errno(e, "watching signals") : fd;
}

int supervise_status(enum run_end end)
{
    switch (end) {
    case RUN_POWERED_OFF:
        return 0;
    case RUN_RESET:
        return STATUS_RESET;
    default:
        return STATUS_ENDED;
    }
}

static time_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* ---- what is wished ---- */

static void power_off(struct supervision *s)
{
    char text[128];
    struct err ignored;

    s->asked = true;
    if (s->watch->hub != NULL)
        s->watch->hub->asked = true;
    snprintf(text, sizeof(text), "berth: asked %s to power off", s->watch->name);
    console_say(s->watch->console, text);
    (void)s->engine->ops->power_down(s->engine, &ignored);
}

/* Whoever sends a signal wants this process to end. */
static void end_with_grace(struct supervision *s)
{
    if (s->has_grace) {
        s->forced = true;
        return;
    }
    s->has_grace = true;
    s->deadline = now() + SUPERVISE_GRACE;
    power_off(s);
}

static void set_window(struct supervision *s, uint16_t columns, uint16_t rows)
{
    if (s->engine->ops->window != NULL)
        s->engine->ops->window(s->engine, columns, rows);
}

static void follow_terminal(struct supervision *s)
{
    uint16_t columns, rows;

    if (console_window(s->watch->console, &columns, &rows))
        set_window(s, columns, rows);
}

static void take_signals(struct supervision *s)
{
    struct signalfd_siginfo info;

    while (read(s->watch->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGWINCH)
            follow_terminal(s);
        else
            end_with_grace(s);
    }
}

static void leave_it(struct supervision *s)
{
    struct err err;

    if (s->watch->hub == NULL || !s->watch->hub->foreground)
        return;
    if (leave(s->watch->console, s->watch->hub, s->watch->name, &err) < 0)
        console_say(s->watch->console, err.text);
}

static void take_wishes(struct supervision *s, unsigned wishes)
{
    if ((wishes & CONSOLE_END) != 0)
        s->forced = true;
    else if ((wishes & CONSOLE_POWER_OFF) != 0)
        power_off(s);
    else if ((wishes & CONSOLE_LEAVE) != 0)
        leave_it(s);
}

/* ---- who is ready ---- */

/* What is worth waiting for now. A closed side is left out by a negative descriptor. */
static void choose_polls(struct supervision *s)
{
    const struct console *console = s->watch->console;
    const struct hub *hub = s->watch->hub;
    bool empty = console->n_pending == 0;

    s->polls[IN].fd = console->reads && empty ? STDIN_FILENO : -1;
    s->polls[SERIAL_LINE].events = s->polls[CONSOLE_LINE].events = POLLIN;
    if (!empty)
        s->polls[s->types_to].events = POLLIN | POLLOUT;
    s->polls[LISTEN].fd = hub != NULL ? hub->listen : -1;
    for (size_t i = 0; i < HUB_CLIENTS; i++)
        s->polls[CLIENT + i] =
            (struct pollfd){hub != NULL && empty ? hub->clients[i].fd : -1, POLLIN, 0};
}

static int milliseconds_left(const struct supervision *s)
{
    time_t left = s->deadline - now();

    if (!s->has_grace)
        return s->watch->patience;
    return left > 0 ? (int)left * 1000 : 0;
}

/* Shows what a line says. Returns false at its end. */
static bool show(struct supervision *s, unsigned line)
{
    char bytes[8192];
    ssize_t got = recv(s->polls[line].fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    if (got > 0) {
        s->types_to = line > s->types_to ? line : s->types_to;
        console_show(s->watch->console, bytes, (size_t)got);
        if (s->watch->hub != NULL)
            hub_show(s->watch->hub, bytes, (size_t)got);
    }
    return got > 0;
}

static void handle_line(struct supervision *s, unsigned line)
{
    struct pollfd *at = &s->polls[line];

    if (at->fd >= 0 && (at->revents & POLLOUT) != 0)
        console_feed(s->watch->console, at->fd);
    if ((at->revents & ~POLLOUT) != 0 && !show(s, line))
        at->fd = -1;
}

static void handle_client(struct supervision *s, size_t i)
{
    struct hub_packet packet;

    if (!hub_take(s->watch->hub, i, &packet))
        return;
    if (packet.kind == HUB_TYPE)
        console_type(s->watch->console, packet.bytes, packet.n);
    else if (packet.kind == HUB_WINDOW)
        set_window(s, packet.columns, packet.rows);
    else if (packet.kind == HUB_POWER_OFF)
        power_off(s);
    else
        s->forced = true;
}

static void handle_machine(struct supervision *s)
{
    struct err ignored;
    bool ran = s->engine->runs;

    if (s->engine->ops->hear(s->engine, &ignored) <= 0)
        s->polls[MACHINE].fd = -1;
    if (s->watch->hub != NULL)
        s->watch->hub->lacks = s->engine->lacks;
    if (s->engine->runs && !ran && s->watch->leaves)
        leave_it(s);
}

static void handle(struct supervision *s)
{
    handle_line(s, SERIAL_LINE);
    handle_line(s, CONSOLE_LINE);
    if (s->polls[MACHINE].revents != 0)
        handle_machine(s);
    if (s->polls[IN].revents != 0)
        take_wishes(s, console_read(s->watch->console));
    if (s->polls[SIGNALS].revents != 0)
        take_signals(s);
    if (s->polls[LISTEN].revents != 0)
        hub_accept(s->watch->hub);
    for (size_t i = 0; i < HUB_CLIENTS; i++)
        if (s->polls[CLIENT + i].revents != 0)
            handle_client(s, i);
}

/* ---- until it is over ---- */

/* The disk's server ends when the engine does, and a moment before that can be seen. */
static bool engine_is_ending(struct supervision *s)
{
    return poll(&s->polls[ENGINE], 1, SERVER_WAIT) > 0;
}

static bool has_to_end(const struct supervision *s)
{
    return s->forced || s->disk_lost || s->hangs;
}

/* Until the engine has ended or has to. */
static void loop(struct supervision *s)
{
    while (s->polls[ENGINE].revents == 0 && !has_to_end(s)) {
        int ready;

        choose_polls(s);
        ready = poll(s->polls, N_POLLS, milliseconds_left(s));
        if (ready < 0)
            continue;
        if (ready == 0 && s->has_grace)
            s->forced = true;
        else if (ready == 0)
            s->hangs = true;
        handle(s);
        s->disk_lost = s->polls[SERVER].revents != 0 && !engine_is_ending(s);
    }
}

/* What the engine said last is still in its sockets, up to the end of each, now that it has ended.
 */
static void drain(struct supervision *s)
{
    struct err ignored;

    while (s->engine->ops->hear(s->engine, &ignored) > 0)
        ;
    while (s->polls[SERIAL_LINE].fd >= 0 && show(s, SERIAL_LINE))
        ;
    while (s->polls[CONSOLE_LINE].fd >= 0 && show(s, CONSOLE_LINE))
        ;
}

static int crashed(const struct supervision *s, int status, const char *words, struct err *e)
{
    if (s->disk_lost)
        return err_set(e, ERR_CRASHED, "%s: the server of its disk ended", s->watch->name);
    if (s->hangs)
        return err_set(e, ERR_CRASHED, "%s hangs: it said nothing for %d seconds", s->watch->name,
                       s->watch->patience / 1000);
    if (s->engine->fate == ENGINE_PANICKED)
        return err_set(e, ERR_CRASHED, "%s crashed: %s", s->watch->name,
                       *s->engine->why != '\0' ? s->engine->why : "its kernel panicked");
    if (WIFSIGNALED(status))
        return err_set(e, ERR_CRASHED, "%s crashed: %s was ended by signal %d", s->watch->name,
                       s->engine->ops->program, WTERMSIG(status));
    return err_set(e, ERR_CRASHED, "%s crashed: %s ended: %s", s->watch->name,
                   s->engine->ops->program, *words != '\0' ? words : "it gave no reason");
}

static void begin(struct supervision *s)
{
    const struct engine *engine = s->engine;
    const struct watch *watch = s->watch;

    for (size_t i = 0; i < N_POLLS; i++)
        s->polls[i] = (struct pollfd){-1, POLLIN, 0};
    s->types_to = SERIAL_LINE;
    s->polls[SERIAL_LINE].fd = engine->serial;
    s->polls[CONSOLE_LINE].fd = engine->console;
    s->polls[MACHINE].fd = engine->machine;
    s->polls[SIGNALS].fd = watch->signals;
    s->polls[ENGINE].fd = engine->pidfd;
    s->polls[SERVER].fd = watch->server;
    follow_terminal(s);
    if (engine->runs && watch->leaves)
        leave_it(s);
}

int supervise(struct engine *engine, const struct watch *watch, enum run_end *end, struct err *e)
{
    struct supervision s = {.engine = engine, .watch = watch};
    char words[512] = "";
    int status = 0;

    begin(&s);
    loop(&s);
    if (!has_to_end(&s))
        drain(&s);
    engine_end(engine, has_to_end(&s), &status, words, sizeof(words));
    *end = RUN_ENDED;
    if (s.forced)
        return 0;
    if (s.disk_lost || s.hangs ||
        (engine->fate != ENGINE_POWERED_OFF && engine->fate != ENGINE_RESET))
        return crashed(&s, status, words, e);
    if (engine->fate == ENGINE_POWERED_OFF)
        *end = RUN_POWERED_OFF;
    if (engine->fate == ENGINE_RESET)
        *end = RUN_RESET;
    return 0;
}
