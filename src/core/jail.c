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

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NOBODY 65534

/* More than the largest initrd on a slow machine needs; a parser led in circles ends here. */
#define READER_CPU_SECONDS 300

static int compare_fds(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

int jail_fds_add(struct jail_fds *list, int fd, struct err *e)
{
    if (list->n == JAIL_MAX_FDS)
        return err_set(e, ERR_FAILED, "more than %d open descriptors", JAIL_MAX_FDS);
    list->fds[list->n++] = fd;
    return 0;
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        closedir(*folder);
}

int jail_list_fds(struct jail_fds *list, struct err *e)
{
    _cleanup_(close_folder) DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;

    if (folder == NULL)
        return err_errno(e, "/proc/self/fd");
    list->n = 0;
    while ((entry = readdir(folder)) != NULL) {
        int fd = atoi(entry->d_name);

        if (fd > STDERR_FILENO && fd != dirfd(folder) && jail_fds_add(list, fd, e) < 0)
            return -1;
    }
    return 0;
}

static bool list_has(const struct jail_fds *list, int fd)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->fds[i] == fd)
            return true;
    return false;
}

int jail_fds_since(const struct jail_fds *before, struct jail_fds *list, struct err *e)
{
    struct jail_fds now;

    if (jail_list_fds(&now, e) < 0)
        return -1;
    for (size_t i = 0; i < now.n; i++)
        if (!list_has(before, now.fds[i]) && jail_fds_add(list, now.fds[i], e) < 0)
            return -1;
    return 0;
}

int jail_close_fds(const struct jail_fds *keep, struct err *e)
{
    struct jail_fds sorted = *keep;
    unsigned from = STDERR_FILENO + 1;

    qsort(sorted.fds, sorted.n, sizeof(sorted.fds[0]), compare_fds);
    for (size_t i = 0; i < sorted.n; i++) {
        unsigned fd = (unsigned)sorted.fds[i];

        if (fd > from && close_range(from, fd - 1, 0) < 0)
            return err_errno(e, "closing descriptors");
        from = fd + 1;
    }
    return close_range(from, ~0U, 0) < 0 ? err_errno(e, "closing descriptors") : 0;
}

static int silence_standard_fds(struct err *e)
{
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        return err_errno(e, "/dev/null");
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (dup2(null, fd) < 0)
            return err_errno(e, "descriptor %d", fd);
    return 0;
}

/* Without root, a user namespace is what makes the others possible; it may be forbidden. A reader
 * gets no network namespace, which takes longer to make than a small filesystem to read: its list
 * of system calls has nothing that could reach a network. */
static void leave_namespaces(enum jail_profile profile)
{
    int rest = CLONE_NEWIPC | CLONE_NEWUTS | (profile == JAIL_READER ? 0 : CLONE_NEWNET);

    if (geteuid() == 0)
        (void)unshare(rest);
    else
        (void)unshare(CLONE_NEWUSER | rest);
}

static int drop_root(struct err *e)
{
    if (geteuid() != 0)
        return 0;
    if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return err_errno(e, "giving up root");
    return 0;
}

static int limit(__rlimit_resource_t resource, rlim_t value, struct err *e)
{
    struct rlimit bound = {value, value};

    return setrlimit(resource, &bound) < 0 ? err_errno(e, "setting a limit") : 0;
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

int jail_enter(const struct jail_options *options, struct err *e)
{
    if (silence_standard_fds(e) < 0 || jail_close_fds(&options->keep, e) < 0)
        return -1;
    leave_namespaces(options->profile);
    if (drop_root(e) < 0 || limit(RLIMIT_CORE, 0, e) < 0)
        return -1;
    if (options->profile == JAIL_READER && limit(RLIMIT_CPU, READER_CPU_SECONDS, e) < 0)
        return -1;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno(e, "giving up privileges");
    if (end_with_parent(options, e) < 0) /* after the ids, whose change undoes it */
        return -1;
    return jail_calls_restrict(options, e);
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

/* What a jailed process says is not trusted: bounded, and made of printable text. */
static void sanitize(char *text, size_t room)
{
    text[room - 1] = '\0';
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

static int child_failed(struct jail_child *child, const struct err *said, size_t got, struct err *e)
{
    if (got != sizeof(*said))
        return err_set(e, ERR_FAILED, "%s ended without a word", child->what);
    *e = *said;
    if ((unsigned)e->code > ERR_INTERRUPTED || e->code == ERR_OK)
        e->code = ERR_FAILED;
    sanitize(e->text, sizeof(e->text));
    sanitize(e->hint, sizeof(e->hint));
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
    while (waitpid(child->pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_errno(e, "waiting for %s", child->what);
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
