// SPDX-License-Identifier: GPL-3.0-or-later
/* engine_process.c: a child that gives up what it does not need. */
#include "core/cleanup.h"
#include "engine/engine.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define NOBODY       65534
#define FIRST        3
#define NOT_EXECUTED 127

int engine_pair(int type, int *ours, int *theirs, struct err *e)
{
    int ends[2];

    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
        return err_errno(e, "sockets for the engine");
    *ours = ends[0];
    *theirs = ends[1];
    return 0;
}

static int drop_root(const struct engine_process *process)
{
    gid_t group = process->group;

    if (!process->drop_root || geteuid() != 0)
        return 0;
    if (setgroups(group != 0 ? 1 : 0, group != 0 ? &group : NULL) < 0 ||
        setresgid(NOBODY, NOBODY, NOBODY) < 0)
        return -1;
    return setresuid(NOBODY, NOBODY, NOBODY);
}

static int keep_over_exec(const struct jail_fds *fds)
{
    for (size_t i = 0; i < fds->n; i++)
        if (fcntl(fds->fds[i], F_SETFD, 0) < 0)
            return -1;
    return 0;
}

/* The one that becomes number 3: none of the others has that number. */
static int place_first(int first, struct jail_fds *keep, struct err *e)
{
    if (first < 0)
        return 0;
    return dup2(first, FIRST) < 0 ? -1 : jail_fds_add(keep, FIRST, e);
}

/* A parent that has gone meanwhile takes the child with it. */
static int bind_to(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -1;
    return getppid() == parent ? 0 : -1;
}

static _Noreturn void child_exec(const struct engine_process *process, int words, pid_t parent)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct jail_fds keep = process->keep;
    struct err ignored;
    sigset_t none;

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(words, 2) < 0 ||
        place_first(process->first, &keep, &ignored) < 0 || jail_close_fds(&keep, &ignored) < 0 ||
        keep_over_exec(&keep) < 0 || drop_root(process) < 0 ||
        (!process->outlives && bind_to(parent) < 0))
        _exit(NOT_EXECUTED);
    execv(process->path, process->argv);
    _exit(NOT_EXECUTED);
}

int engine_process_start(const struct engine_process *process, struct engine *engine, struct err *e)
{
    _cleanup_close_ int words = memfd_create("engine-words", MFD_CLOEXEC);
    pid_t parent = getpid();
    int status;

    if (words < 0)
        return err_errno(e, "a memory file for the engine's messages");
    engine->pid = fork();
    if (engine->pid == 0)
        child_exec(process, words, parent);
    if (engine->pid < 0)
        return err_errno(e, "starting %s", process->path);
    engine->pidfd = pidfd_open(engine->pid, 0);
    if (engine->pidfd < 0) {
        err_errno(e, "watching %s", process->path);
        kill(engine->pid, SIGKILL);
        waitpid(engine->pid, &status, 0);
        return -1;
    }
    engine->words = steal_fd(&words);
    return 0;
}
