// SPDX-License-Identifier: GPL-3.0-or-later
/* supervise.c: one poll loop over terminal, serial line, machine protocol, signals and the engine.
 */
#include "flow/supervise.h"
#include "core/cleanup.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#define SERVER_WAIT 3000 /* milliseconds */

enum { IN, SERIAL_LINE, MACHINE, SIGNALS, ENGINE, SERVER, N_POLLS };

struct supervision {
    struct engine *engine;
    const struct watch *watch;
    bool asked;  /* the power button was pressed */
    bool forced; /* the engine is to end now */
    bool disk_lost;
    bool hangs;
    time_t deadline; /* of asked, CLOCK_MONOTONIC seconds */
    struct pollfd polls[N_POLLS];
};

int supervise_signals(struct err *e)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t set;
    int fd;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        sigaddset(&set, ends[i]);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_errno(e, "blocking signals");
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_errno(e, "watching signals") : fd;
}

static time_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void ask_to_end(struct supervision *s)
{
    char text[128];
    struct err ignored;

    if (s->asked) {
        s->forced = true;
        return;
    }
    s->asked = true;
    s->deadline = now() + SUPERVISE_GRACE;
    snprintf(text, sizeof(text), "berth: asked %s to power off; once more ends it at once",
             s->watch->name);
    console_say(s->watch->console, text);
    (void)s->engine->ops->power_down(s->engine, &ignored);
}

static void take_signals(struct supervision *s, int signals)
{
    struct signalfd_siginfo info;

    while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        ask_to_end(s);
}

/* What is worth waiting for now. A closed side is left out by a negative descriptor. */
static void choose_polls(struct supervision *s)
{
    const struct console *console = s->watch->console;

    s->polls[IN].fd = console->reads && console->n_pending == 0 ? STDIN_FILENO : -1;
    s->polls[SERIAL_LINE].events = (short)(POLLIN | (console->n_pending > 0 ? POLLOUT : 0));
}

static int milliseconds_left(const struct supervision *s)
{
    time_t left = s->deadline - now();

    if (!s->asked)
        return s->watch->patience;
    return left > 0 ? (int)left * 1000 : 0;
}

static void handle(struct supervision *s)
{
    struct pollfd *polls = s->polls;
    struct err ignored;

    if (polls[SERIAL_LINE].fd >= 0 && (polls[SERIAL_LINE].revents & POLLOUT) != 0)
        console_feed(s->watch->console, s->engine->serial);
    if ((polls[SERIAL_LINE].revents & ~POLLOUT) != 0 &&
        !console_show(s->watch->console, s->engine->serial))
        polls[SERIAL_LINE].fd = -1;
    if (polls[MACHINE].revents != 0 && s->engine->ops->hear(s->engine, &ignored) <= 0)
        polls[MACHINE].fd = -1;
    if (polls[IN].revents != 0)
        for (unsigned presses = console_read(s->watch->console); presses > 0; presses--)
            ask_to_end(s);
    if (polls[SIGNALS].revents != 0)
        take_signals(s, polls[SIGNALS].fd);
}

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
        if (ready == 0 && s->asked)
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
    while (console_show(s->watch->console, s->engine->serial))
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

int supervise(struct engine *engine, const struct watch *watch, enum run_end *end, struct err *e)
{
    struct supervision s = {.engine = engine,
                            .watch = watch,
                            .polls = {[IN] = {STDIN_FILENO, POLLIN, 0},
                                      [SERIAL_LINE] = {engine->serial, POLLIN, 0},
                                      [MACHINE] = {engine->machine, POLLIN, 0},
                                      [SIGNALS] = {watch->signals, POLLIN, 0},
                                      [ENGINE] = {engine->pidfd, POLLIN, 0},
                                      [SERVER] = {watch->server, POLLIN, 0}}};
    char words[512] = "";
    int status = 0;

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
