// SPDX-License-Identifier: GPL-3.0-or-later
/* spawn.c: runs external tools. */
#include "core/spawn.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* Which Debian package to name when a tool is missing. */
static const struct {
    const char *tool, *package;
} packages[] = {
    {"mke2fs", "e2fsprogs"},
    {"e2fsck", "e2fsprogs"},
    {"resize2fs", "e2fsprogs"},
    {"mkswap", "util-linux"},
    {"mkfs.vfat", "dosfstools"},
    {"fsck.vfat", "dosfstools"},
    {"mkntfs", "ntfs-3g"},
    {"ntfsresize", "ntfs-3g"},
    {"ntfsfix", "ntfs-3g"},
    {"mkfs.btrfs", "btrfs-progs"},
    {"btrfs", "btrfs-progs"},
    {"mkfs.xfs", "xfsprogs"},
    {"xfs_repair", "xfsprogs"},
    {"xfs_growfs", "xfsprogs"},
    {"xfs_logprint", "xfsprogs"},
    {"passt", "passt"},
    {"cryptsetup", "cryptsetup-bin"},
    {"mcopy", "mtools"},
    {"mmd", "mtools"},
    {"grub-fstest", "grub-common"},
    {"grub-mkimage", "grub-common"},
    {"mmdebstrap", "mmdebstrap"},
    {"apt-get", "apt"},
    {"zstd", "zstd"},
    {"qemu-system-x86_64", "qemu-system-x86"},
};

const char *spawn_package(const char *tool)
{
    for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
        if (strcmp(packages[i].tool, tool) == 0)
            return packages[i].package;
    return NULL;
}

char *spawn_find(const char *tool)
{
    const char *path = getenv("PATH");
    char all[8192], *next = all, *folder;

    if (strchr(tool, '/') != NULL)
        return access(tool, X_OK) == 0 ? strdup(tool) : NULL;
    snprintf(all, sizeof(all), "%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
             path ? path : "");
    while ((folder = strsep(&next, ":")) != NULL) {
        char candidate[PATH_MAX];

        if (*folder == '\0')
            continue;
        snprintf(candidate, sizeof(candidate), "%s/%s", folder, tool);
        if (access(candidate, X_OK) == 0)
            return strdup(candidate);
    }
    return NULL;
}

int spawn_locate(const char *tool, char **path, struct err *e)
{
    const char *package = spawn_package(tool);

    *path = spawn_find(tool);
    if (*path != NULL)
        return 0;
    err_set(e, ERR_NOT_FOUND, "the program %s is not installed", tool);
    if (package != NULL)
        err_hint(e, "apt-get install %s", package);
    return -1;
}

static void child_environment(const struct spawn *spawn)
{
    for (size_t i = 0; spawn->unset != NULL && spawn->unset[i] != NULL; i++)
        unsetenv(spawn->unset[i]);
    for (size_t i = 0; spawn->env != NULL && spawn->env[i] != NULL; i++)
        putenv((char *)(uintptr_t)spawn->env[i]);
}

/* In the child: descriptors 0 to 2, default signals, then the tool. */
static _Noreturn void child_exec(const struct spawn *spawn, const char *path, int in, int out,
                                 int err)
{
    struct err ignored;
    sigset_t none;

    if (spawn->own_session)
        setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
        (spawn->keep != NULL && jail_close_fds(spawn->keep, &ignored) < 0))
        _exit(127);
    child_environment(spawn);
    execv(path, (char *const *)(uintptr_t)spawn->argv);
    _exit(127);
}

static int start(const struct spawn *spawn, int out, int err, pid_t *pid, struct err *e)
{
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    _cleanup_free_ char *path = NULL;
    int in = spawn->stdin_fd > 0 ? spawn->stdin_fd : null;

    if (null < 0)
        return err_errno(e, "/dev/null");
    if (spawn_locate(spawn->argv[0], &path, e) < 0)
        return -1;
    *pid = fork();
    if (*pid < 0)
        return err_errno(e, "starting %s", spawn->argv[0]);
    if (*pid == 0)
        child_exec(spawn, path, in, out < 0 ? null : out, err < 0 ? null : err);
    return 0;
}

int spawn_start(const struct spawn *spawn, pid_t *pid, struct err *e)
{
    int out = spawn->stdout_fd > 0 ? spawn->stdout_fd : STDERR_FILENO;

    return start(spawn, out, spawn->merge_stderr ? out : STDERR_FILENO, pid, e);
}

struct capture {
    int fd;
    char *data;
    size_t len;
    size_t keep; /* only the last so many bytes; 0: all */
};

/* Takes what can be read now. Returns 0 at the end of the stream. */
static int capture_more(struct capture *c)
{
    char buf[4096];
    ssize_t got = read(c->fd, buf, sizeof(buf));
    char *grown;

    if (got <= 0)
        return got < 0 && errno == EINTR;
    grown = realloc(c->data, c->len + (size_t)got + 1);
    if (grown == NULL)
        return 0;
    c->data = grown;
    memcpy(c->data + c->len, buf, (size_t)got);
    c->len += (size_t)got;
    if (c->keep != 0 && c->len > c->keep) {
        memmove(c->data, c->data + c->len - c->keep, c->keep);
        c->len = c->keep;
    }
    c->data[c->len] = '\0';
    return 1;
}

static void capture_all(struct capture *captures, nfds_t n)
{
    struct pollfd polls[2] = {{.fd = captures[0].fd, .events = POLLIN},
                              {.fd = captures[1].fd, .events = POLLIN}};
    nfds_t open = 0;

    for (nfds_t i = 0; i < n; i++)
        open += polls[i].fd >= 0;
    while (open > 0) {
        if (poll(polls, n, -1) < 0 && errno != EINTR)
            return;
        for (nfds_t i = 0; i < n; i++) {
            if (polls[i].fd >= 0 && polls[i].revents != 0 && capture_more(&captures[i]) == 0) {
                polls[i].fd = -1;
                open--;
            }
        }
    }
}

/* The tool's last words, on one line. */
static int tool_failed(const char *tool, int status, const char *words, struct err *e)
{
    char line[512];
    size_t n = 0;

    for (const char *p = words ? words : ""; *p != '\0' && n < sizeof(line) - 1; p++)
        line[n++] = *p == '\n' || *p == '\r' ? ' ' : *p;
    while (n > 0 && line[n - 1] == ' ')
        n--;
    line[n] = '\0';
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
        return err_set(e, ERR_INTERRUPTED, "%s was interrupted", tool);
    if (WIFSIGNALED(status))
        return err_set(e, ERR_TOOL, "%s was ended by signal %d: %s", tool, WTERMSIG(status), line);
    return err_set(e, ERR_TOOL, "%s failed (%d): %s", tool, WEXITSTATUS(status), line);
}

int spawn_run(const struct spawn *spawn, char **out, struct err *e)
{
    int out_pipe[2] = {-1, -1}, err_pipe[2] = {-1, -1}, status = 0, result, to;
    struct capture captures[2] = {{.fd = -1}, {.fd = -1, .keep = 2000}};
    pid_t pid;

    if ((out != NULL && pipe2(out_pipe, O_CLOEXEC) < 0) ||
        (!spawn->inherit_stderr && !spawn->merge_stderr && pipe2(err_pipe, O_CLOEXEC) < 0))
        return err_errno(e, "pipe");
    to = spawn->stdout_fd > 0 ? spawn->stdout_fd : out_pipe[1];
    result = start(spawn, to,
                   spawn->merge_stderr     ? to
                   : spawn->inherit_stderr ? STDERR_FILENO
                                           : err_pipe[1],
                   &pid, e);
    cleanup_close(&out_pipe[1]);
    cleanup_close(&err_pipe[1]);
    if (result == 0) {
        captures[0].fd = out_pipe[0];
        captures[1].fd = err_pipe[0];
        capture_all(captures, 2);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (spawn->status != NULL && WIFEXITED(status))
            *spawn->status = WEXITSTATUS(status);
        else if (status != 0)
            result = tool_failed(spawn->argv[0], status, captures[1].data, e);
    }
    cleanup_close(&out_pipe[0]);
    cleanup_close(&err_pipe[0]);
    free(captures[1].data);
    if (result < 0 || out == NULL)
        free(captures[0].data);
    else
        *out = captures[0].data != NULL ? captures[0].data : strdup("");
    return result;
}

int spawn_tool(char **out, struct err *e, const char *argv0, ...)
{
    const char *argv[64] = {argv0};
    struct spawn spawn = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1};
    va_list ap;
    size_t n = 1;

    va_start(ap, argv0);
    while (n < 63 && (argv[n] = va_arg(ap, const char *)) != NULL)
        n++;
    va_end(ap);
    argv[n] = NULL;
    return spawn_run(&spawn, out, e);
}
