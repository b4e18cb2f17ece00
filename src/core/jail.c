// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * jail.c: the one sandbox: what a process gives up, and running a function inside.
 *
 * The order matters: namespaces and ids while there is still a right to change them, descriptors
 * before anybody else's byte is read, the list of system calls (jail_calls.c) last.
 */
#include "core/jail.h"
#include "core/cleanup.h"
#include "core/jail_calls.h"
#include "core/landlock.h"
#include "core/privilege.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* More than the largest initrd on a slow machine needs; a parser led in circles ends here. */
#define READER_CPU_SECONDS 300

/* Bytes that a tool may write, and how much memory it may have. */
#define TOOL_WRITES ((rlim_t)1 << 30)
#define TOOL_MEMORY ((rlim_t)1 << 30)

/* Without root, a user namespace is what makes the others possible; it may be forbidden. A reader
 * gets no network namespace, which takes longer to make than a small filesystem to read: its list
 * of system calls has nothing that could reach a network. */
static void leave_namespaces(enum jail_profile profile)
{
    int rest = CLONE_NEWIPC | CLONE_NEWUTS | (profile == JAIL_SERVER ? CLONE_NEWNET : 0);

    if (geteuid() == 0)
        (void)unshare(rest);
    else
        (void)unshare(CLONE_NEWUSER | rest);
}

/* The kernel's signal at the parent's end does not come when that was before it was asked for. */
static int end_with_parent(const struct jail_options *options, struct err *e)
{
    if (options->outlives_parent)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return err_errno(e, "ending with the parent");
    if (options->parent != 0 && getppid() != options->parent)
        return err_set(e, ERR_INTERRUPTED, "%s: what started it has ended", options->what);
    return 0;
}

/* A server works as long as its guest runs. */
static int limit(enum jail_profile profile, struct err *e)
{
    if (profile == JAIL_SERVER)
        return 0;
    if (profile == JAIL_TOOL && (privilege_limit(RLIMIT_FSIZE, TOOL_WRITES, e) < 0 ||
                                 privilege_limit(RLIMIT_AS, TOOL_MEMORY, e) < 0))
        return -1;
    return privilege_limit(RLIMIT_CPU, READER_CPU_SECONDS, e);
}

int jail_enter(const struct jail_options *options, struct err *e)
{
    int last_silent = options->profile == JAIL_TOOL ? STDIN_FILENO : STDERR_FILENO;

    if (privilege_silence(last_silent, e) < 0 || jail_close_fds(&options->keep, e) < 0)
        return -1;
    leave_namespaces(options->profile);
    if (geteuid() == 0 && privilege_become(PRIVILEGE_NOBODY, e) < 0)
        return -1;
    if (limit(options->profile, e) < 0)
        return -1;
    if (privilege_lock(e) < 0 || end_with_parent(options, e) < 0) /* after the ids, whose change
                                                                     undoes both */
        return -1;
    return landlock_deny_all(e) < 0 ? -1 : jail_calls_restrict(options, e);
}

/* The child: its own session, so that a terminal's Ctrl-C is the parent's alone to handle. */
static _Noreturn void child_main(struct jail_options *inside, jail_fn *fn, void *arg)
{
    struct err err = {0};
    sigset_t none;

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (jail_fds_add(&inside->keep, inside->report, &err) == 0 && jail_enter(inside, &err) == 0 &&
        fn(arg, &err) == 0)
        _exit(0);
    (void)!write(inside->report, &err, sizeof(err));
    _exit(1);
}

int jail_start(const struct jail_options *options, jail_fn *fn, void *arg, struct jail_child *child,
               struct err *e)
{
    struct jail_options inside = *options;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "a pipe for %s", options->what);
    inside.report = ends[1];
    inside.parent = getpid();
    child->pid = fork();
    if (child->pid == 0)
        child_main(&inside, fn, arg);
    close(ends[1]);
    if (child->pid < 0) {
        err_errno(e, "starting %s", options->what);
        close(ends[0]);
        return -1;
    }
    child->report = ends[0];
    child->what = options->what;
    return 0;
}

static int child_failed(struct jail_child *child, const struct err *said, size_t got, struct err *e)
{
    if (got != sizeof(*said))
        return err_set(e, ERR_FAILED, "%s ended without a word", child->what);
    *e = *said;
    if ((unsigned)e->code > ERR_INTERRUPTED || e->code == ERR_OK)
        e->code = ERR_FAILED;
    err_plain(e);
    return -1;
}

int jail_wait(struct jail_child *child, struct err *e)
{
    struct err said;
    size_t got = 0;
    ssize_t more;
    int status;

    while (got < sizeof(said) &&
           ((more = read(child->report, (char *)&said + got, sizeof(said) - got)) > 0 ||
            (more < 0 && errno == EINTR)))
        got += more > 0 ? (size_t)more : 0;
    close(child->report);
    while (waitpid(child->pid, &status, 0) < 0) {
        if (errno == ECHILD) /* this process was forked from its parent */
            return got == 0 ? 0 : child_failed(child, &said, got, e);
        if (errno != EINTR)
            return err_errno(e, "waiting for %s", child->what);
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return err_set(e, ERR_FAILED, "%s was stopped: it tried something it must not",
                       child->what);
    if (WIFSIGNALED(status))
        return err_set(e, ERR_FAILED, "%s was ended by signal %d", child->what, WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ? 0 : child_failed(child, &said, got, e);
}

int jail_run(const struct jail_options *options, jail_fn *fn, void *arg, struct err *e)
{
    struct jail_child child;

    if (jail_start(options, fn, arg, &child, e) < 0)
        return -1;
    return jail_wait(&child, e);
}
