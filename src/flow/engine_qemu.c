// SPDX-License-Identifier: GPL-3.0-or-later
/* engine_qemu.c: the argument list, and a child that gives up what it does not need. */
#include "flow/engine_qemu.h"
#include "core/cleanup.h"
#include "core/jail.h"
#include "core/size.h"
#include "core/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define QEMU     "qemu-system-x86_64"
#define NOBODY   65534
#define ARGS_MAX 64

struct arguments {
    char *argv[ARGS_MAX];
    size_t n;
    bool failed;
};

static void arguments_free(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->n; i++)
        free(arguments->argv[i]);
}

static void add(struct arguments *arguments, const char *fmt, ...) ERR_PRINTF(2, 3);

static void add(struct arguments *arguments, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (arguments->n == ARGS_MAX - 1 || vasprintf(&text, fmt, ap) < 0)
        arguments->failed = true;
    else
        arguments->argv[arguments->n++] = text;
    va_end(ap);
}

static void add_machine(struct arguments *a, const struct engine_config *config)
{
    static const char *const fixed[] = {
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "q35,usb=off,vmport=off",
        "-no-reboot",
        "-rtc",
        "base=utc",
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    };

    add(a, QEMU);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        add(a, "%s", fixed[i]);
    add(a, "-name");
    add(a, "berth-%s", config->name);
    add(a, "-accel");
    add(a, config->kvm ? "kvm" : "tcg");
    add(a, "-cpu");
    add(a, config->kvm ? "host" : "max");
    add(a, "-m");
    add(a, "%lluM", (unsigned long long)(config->memory / MIB));
    add(a, "-smp");
    add(a, "%u", config->cpus);
}

static void add_boot(struct arguments *a, const struct engine_config *config)
{
    add(a, "-kernel");
    add(a, "/proc/self/fd/%d", config->kernel);
    if (config->initrd >= 0) {
        add(a, "-initrd");
        add(a, "/proc/self/fd/%d", config->initrd);
    }
    add(a, "-append");
    add(a, "%s", config->command_line);
}

/* A failed access is the guest's to handle, as on a real disk; QEMU would rather stop it. */
static void add_devices(struct arguments *a, const struct engine_config *config, int serial,
                        int qmp)
{
    add(a, "-blockdev");
    add(a, "driver=nbd,node-name=disk,discard=unmap,server.type=fd,server.str=%d", config->disk);
    add(a, "-device");
    add(a,
        "virtio-blk-pci,drive=disk,werror=report,rerror=report,logical_block_size=%u,"
        "physical_block_size=4096",
        config->sector);
    add(a, "-chardev");
    add(a, "socket,id=serial,fd=%d", serial);
    add(a, "-serial");
    add(a, "chardev:serial");
    add(a, "-chardev");
    add(a, "socket,id=qmp,fd=%d", qmp);
    add(a, "-mon");
    add(a, "chardev=qmp,mode=control");
    add(a, "-device");
    add(a, "virtio-rng-pci");
    add(a, "-device");
    add(a, "pvpanic");
    if (config->net) {
        add(a, "-netdev");
        add(a, "user,id=net");
        add(a, "-device");
        add(a, "virtio-net-pci,netdev=net,romfile=");
    }
}

/* The group that may use /dev/kvm; -1 when only its owner may. */
static int kvm_group(gid_t *group)
{
    struct stat st;

    if (stat("/dev/kvm", &st) < 0 || (st.st_mode & 0060) != 0060)
        return -1;
    *group = st.st_gid;
    return 0;
}

static int drop_root(bool kvm)
{
    gid_t group;

    if (geteuid() != 0 || (kvm && kvm_group(&group) < 0))
        return 0;
    if (setgroups(kvm ? 1 : 0, kvm ? &group : NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0)
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

/* In the child. Its own session: a terminal's Ctrl-C is for the supervisor. */
static _Noreturn void child_exec(const char *path, char **argv, const struct jail_fds *keep,
                                 bool kvm, int words, pid_t parent)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct err ignored;
    sigset_t none;

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(words, 2) < 0 ||
        jail_close_fds(keep, &ignored) < 0 || keep_over_exec(keep) < 0 || drop_root(kvm) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
        _exit(127);
    execv(path, argv);
    _exit(127);
}

/* Where QEMU is; the caller frees. */
static char *find_qemu(struct err *e)
{
    char *path = spawn_find(QEMU);

    if (path == NULL) {
        err_set(e, ERR_NOT_FOUND, "the program " QEMU " is not installed");
        err_hint(e, "apt-get install %s", spawn_package(QEMU));
    }
    return path;
}

/* The ends of two socket pairs: ours, and QEMU's. */
struct lines {
    int ours[2], theirs[2];
};

enum { SERIAL, QMP };

static void lines_close(struct lines *lines)
{
    for (int i = SERIAL; i <= QMP; i++) {
        cleanup_close(&lines->ours[i]);
        cleanup_close(&lines->theirs[i]);
    }
}

static int lines_open(struct lines *lines, struct err *e)
{
    for (int i = SERIAL; i <= QMP; i++) {
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
            return err_errno(e, "sockets for the engine");
        lines->ours[i] = ends[0];
        lines->theirs[i] = ends[1];
    }
    return 0;
}

static int start_child(const struct engine_config *config, struct lines *lines, int words,
                       struct engine *engine, struct err *e)
{
    _cleanup_(arguments_free) struct arguments arguments = {0};
    _cleanup_free_ char *path = find_qemu(e);
    const int fds[] = {config->kernel, config->disk, lines->theirs[SERIAL], lines->theirs[QMP],
                       config->initrd};
    struct jail_fds keep = {0};
    pid_t parent = getpid();

    if (path == NULL)
        return -1;
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0 && jail_fds_add(&keep, fds[i], e) < 0)
            return -1;
    add_machine(&arguments, config);
    add_boot(&arguments, config);
    add_devices(&arguments, config, lines->theirs[SERIAL], lines->theirs[QMP]);
    if (arguments.failed)
        return err_no_memory(e);
    engine->pid = fork();
    if (engine->pid == 0)
        child_exec(path, arguments.argv, &keep, config->kvm, words, parent);
    if (engine->pid < 0)
        return err_errno(e, "starting " QEMU);
    return 0;
}

int engine_start(const struct engine_config *config, struct engine *engine, struct err *e)
{
    _cleanup_(lines_close) struct lines lines = {{-1, -1}, {-1, -1}};
    _cleanup_close_ int words = memfd_create("engine-words", MFD_CLOEXEC);
    int status;

    if (words < 0)
        return err_errno(e, "a memory file for the engine's messages");
    if (lines_open(&lines, e) < 0 || start_child(config, &lines, words, engine, e) < 0)
        return -1;
    engine->words = steal_fd(&words);
    engine->serial = steal_fd(&lines.ours[SERIAL]);
    engine->qmp.fd = lines.ours[QMP];
    engine->pidfd = pidfd_open(engine->pid, 0);
    if (engine->pidfd < 0) {
        err_errno(e, "watching " QEMU);
        engine->qmp.fd = steal_fd(&lines.ours[QMP]);
        engine_end(engine, true, &status, NULL, 0);
        return -1;
    }
    /* That QEMU has ended already is for whoever watches it to see. */
    struct err ignored;
    (void)qmp_open(&engine->qmp, steal_fd(&lines.ours[QMP]), &ignored);
    return 0;
}

/* The last line of what it said. */
static void last_words(int fd, char *words, size_t len)
{
    char tail[1024];
    off_t end = lseek(fd, 0, SEEK_END);
    off_t start = end > (off_t)sizeof(tail) - 1 ? end - (off_t)sizeof(tail) + 1 : 0;
    ssize_t got = pread(fd, tail, sizeof(tail) - 1, start);
    char *line;

    while (got > 0 && (tail[got - 1] == '\n' || tail[got - 1] == '\r'))
        got--;
    tail[got > 0 ? got : 0] = '\0';
    line = strrchr(tail, '\n');
    snprintf(words, len, "%s", line != NULL ? line + 1 : tail);
}

void engine_end(struct engine *engine, bool kill_it, int *status, char *words, size_t len)
{
    if (kill_it)
        kill(engine->pid, SIGKILL);
    while (waitpid(engine->pid, status, 0) < 0 && errno == EINTR)
        ;
    if (len > 0)
        last_words(engine->words, words, len);
    cleanup_close(&engine->pidfd);
    cleanup_close(&engine->serial);
    cleanup_close(&engine->words);
    qmp_close(&engine->qmp);
}
