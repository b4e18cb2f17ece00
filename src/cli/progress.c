// SPDX-License-Identifier: GPL-3.0-or-later
/* progress.c: what a person sees of long work: a line that moves on a terminal, a few plain ones
 * otherwise; and Ctrl-C, which ends the work at its next report. */
#include "cli/cli.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PLAIN_PARTS 4 /* lines per piece of work where there is no terminal */

static volatile sig_atomic_t interrupted;

static struct {
    bool terminal;
    bool line_open; /* a moving line stands on the terminal */
    char what[128];
    double started, shown; /* seconds */
    unsigned part;
} state;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

void cli_progress_end(void)
{
    if (state.line_open)
        fputs("\r\033[K", stderr);
    state.line_open = false;
}

static void show_moving(const char *what, uint64_t done, uint64_t total, double seconds)
{
    char have[SIZE_TEXT], all[SIZE_TEXT];
    double left = done > 0 ? seconds * (double)(total - done) / (double)done : 0;

    size_human(done, have, sizeof(have));
    if (total == 0) {
        fprintf(stderr, "\r\033[K  %s: %s", what, have);
    } else {
        size_human(total, all, sizeof(all));
        fprintf(stderr, "\r\033[K  %s: %s of %s, %.0f%%", what, have, all,
                100.0 * (double)done / (double)total);
        if (seconds > 1)
            fprintf(stderr, ", %.0f s left", left);
    }
    state.line_open = true;
}

static void show_plain(const char *what, uint64_t done, uint64_t total)
{
    char have[SIZE_TEXT], all[SIZE_TEXT];
    unsigned part = total > 0 ? (unsigned)(done * PLAIN_PARTS / total) : 0;

    if (part <= state.part)
        return;
    state.part = part;
    fprintf(stderr, "  %s: %s of %s\n", what, size_human(done, have, sizeof(have)),
            size_human(total, all, sizeof(all)));
}

/* Partitions' names are in it, and whatever somebody wrote there. */
static void show(const char *what, uint64_t done, uint64_t total, double t)
{
    _cleanup_free_ char *safe = text_safe(what);

    if (safe == NULL)
        return;
    if (!state.terminal) {
        show_plain(safe, done, total);
    } else if (t - state.shown > 0.1) {
        state.shown = t;
        show_moving(safe, done, total, t - state.started);
    }
}

static int progress(struct ui *ui, const char *what, uint64_t done, uint64_t total)
{
    struct cli *cli = (struct cli *)ui;
    double t = now();

    if (interrupted || cli->quiet)
        return interrupted;
    if (done > total && total > 0)
        done = total;
    if (strcmp(state.what, what) != 0) {
        cli_progress_end();
        snprintf(state.what, sizeof(state.what), "%s", what);
        state.started = t;
        state.shown = 0;
        state.part = 0;
    }
    show(what, done, total, t);
    return 0;
}

static void note(struct ui *ui, const char *text)
{
    _cleanup_free_ char *safe = text_safe(text);

    cli_progress_end();
    state.what[0] = '\0';
    if (!((struct cli *)ui)->quiet && safe != NULL)
        fprintf(stderr, "%s\n", safe);
}

/* True when somebody has answered. A Ctrl-C counts that came before we wait, too. */
static bool await_answer(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    sigset_t held, before;
    bool answered;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigprocmask(SIG_BLOCK, &held, &before);
    answered = !interrupted && ppoll(&input, 1, NULL, &before) > 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return answered;
}

static bool ask(struct ui *ui, const char *question)
{
    char answer[16] = "";

    if (((struct cli *)ui)->yes)
        return true;
    cli_progress_end();
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    return await_answer() && fgets(answer, sizeof(answer), stdin) != NULL &&
           (answer[0] == 'y' || answer[0] == 'Y');
}

void cli_progress_start(struct cli *cli)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    state.terminal = isatty(STDERR_FILENO);
    cli->ui = (struct ui){progress, note, ask};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}
