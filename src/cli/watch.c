// SPDX-License-Identifier: GPL-3.0-or-later
/* watch.c: a child, what it prints, and whether anything moves. */
#include "cli/watch.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "engine/listener.h"
#include "initramfs/first_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define LOOK_MS    200
#define REAP_TRIES 25 /* looks: how long what was killed may take */

/* ---- what the child says ---- */

struct ear {
    int fd; /* -1 at the end of what it says */
    struct listener heard;
};

/* True when it has said something. */
static bool listen_more(struct ear *ear)
{
    char buf[512];
    ssize_t got = ear->fd >= 0 ? read(ear->fd, buf, sizeof(buf)) : 0;
    struct err ignored;

    if (ear->fd >= 0 && (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)))
        close(steal_fd(&ear->fd));
    if (got <= 0)
        return false;
    (void)io_write(STDOUT_FILENO, buf, (size_t)got, &ignored);
    listener_take(&ear->heard, buf, (size_t)got);
    return true;
}

static uint64_t seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* ---- the child ---- */

static _Noreturn void child_main(watch_fn *run, void *arg, int out)
{
    int null = open("/dev/null", O_RDONLY);
    struct err e;
    int status;

    setsid();
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    status = run(arg, &e);
    if (status < 0)
        printf("berth: %s\n", e.text);
    exit(status < 0 ? 1 : status);
}

/* Ends it with all it has started; false when it does not go. */
static bool end(pid_t pid, int *status)
{
    kill(-pid, SIGKILL);
    for (int i = 0; i < REAP_TRIES; i++) {
        if (waitpid(pid, status, WNOHANG) != 0)
            return true;
        usleep(LOOK_MS * 1000);
    }
    return false;
}

/* Until the child has ended, and is heard to its end; false when it hangs. */
static bool attend(struct ear *ear, pid_t pid, unsigned idle, int *status)
{
    uint64_t before = first_process_traffic(), last = seconds_now();

    while (waitpid(pid, status, WNOHANG) == 0) {
        struct pollfd poll_fd = {.fd = ear->fd, .events = POLLIN};
        uint64_t now;

        (void)poll(&poll_fd, 1, LOOK_MS);
        now = first_process_traffic();
        if (listen_more(ear) || now != before)
            last = seconds_now();
        before = now;
        if (seconds_now() - last > idle)
            return false;
    }
    while (listen_more(ear))
        ;
    return true;
}

static int ended_badly(const struct listener *heard, int status, struct err *e)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return err_set(e, ERR_FAILED, "it was ended by signal %d", WTERMSIG(status));
    return err_set(e, ERR_FAILED, "%s",
                   heard->said[0] != '\0' ? heard->said : "it failed without saying why");
}

int watch_run(watch_fn *run, void *arg, unsigned idle, struct err *e)
{
    struct ear ear = {.fd = -1};
    int ends[2], status = 0, result;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "a pipe");
    ear.fd = ends[0];
    (void)fcntl(ear.fd, F_SETFL, O_NONBLOCK);
    fflush(NULL); /* or the child would print it again */
    pid = fork();
    if (pid == 0)
        child_main(run, arg, ends[1]);
    close(ends[1]);
    if (pid < 0) {
        result = err_errno(e, "a process");
    } else if (attend(&ear, pid, idle, &status)) {
        result = ended_badly(&ear.heard, status, e);
    } else {
        if (!end(pid, &status))
            printf("berth: it cannot be ended and is left behind\n");
        result = err_set(e, ERR_FAILED, "nothing happened for %u seconds", idle);
    }
    cleanup_close(&ear.fd);
    return result;
}
