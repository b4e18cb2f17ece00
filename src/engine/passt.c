// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * passt.c: its arguments, and how it says that it is ready: it writes its process id where --pid
 * says once every port is bound, and that is a pipe. When the pipe ends before, it has failed.
 */
#include "engine/passt.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"
#include "core/strings.h"
#include "engine/engine.h"
#include "engine/route.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PASST     "passt"
#define MTU       "1500" /* the card has no offloads, and its buffers hold a frame */
#define WORDS     16384  /* bytes; what it says later goes nowhere */
#define LAST_WORD 256

/* one for an interface that has none: administered locally, IEEE 802, 8.2.2 */
#define ROUTER_MAC "02:00:0a:00:02:02"

/* ---- what it is told ---- */

static int add(struct strings *words, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);

static int add(struct strings *words, struct err *e, const char *fmt, ...)
{
    char text[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return strings_add(words, text, strlen(text), e);
}

static int add_port(struct strings *words, const struct publish *port, struct err *e)
{
    return add(words, e, port->udp ? "-u" : "-t") < 0
               ? -1
               : add(words, e, "%s/%u:%u", port->address, port->host, port->guest);
}

/* passt gives the guest the addresses of the interface that the host's default route has, and ends
 * where there is none. On a host without a network it gets the loopback, and the guest these. */
static int add_host(struct strings *words, struct err *e)
{
    static const char *const alone[] = {"--ipv4-only",   "--interface", "lo",        "--mac-addr",
                                        ROUTER_MAC,      "--address",   "10.0.2.15", "--netmask",
                                        "255.255.255.0", "--gateway",   "10.0.2.2"};

    if (route_is_there())
        return 0;
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
        if (add(words, e, "%s", alone[i]) < 0)
            return -1;
    return 0;
}

static int list_words(struct strings *words, int line, int ready, const struct publish *ports,
                      size_t n, struct err *e)
{
    static const char *const fixed[] = {PASST, "--foreground", "--quiet", "--mtu", MTU};

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (add(words, e, "%s", fixed[i]) < 0)
            return -1;
    if (add(words, e, "--fd") < 0 || add(words, e, "%d", line) < 0 || add(words, e, "--pid") < 0 ||
        add(words, e, "/proc/self/fd/%d", ready) < 0 || add_host(words, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (add_port(words, &ports[i], e) < 0)
            return -1;
    return 0;
}

/* ---- starting it ---- */

/* It is of one size for good: a guest that makes passt complain fills no memory. */
static int make_words(struct err *e)
{
    _cleanup_close_ int fd = memfd_create("passt-words", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || ftruncate(fd, WORDS) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
        return err_errno(e, "a memory file for passt's messages");
    return steal_fd(&fd);
}

/* As root it has become nobody by the time it opens the pipe by its name. */
static int make_pipe(int *ours, int *theirs, struct err *e)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "a pipe for passt");
    *ours = ends[0];
    *theirs = ends[1];
    return fchmod(*theirs, 0666) < 0 ? err_errno(e, "a pipe for passt") : 0;
}

static int start(const struct publish *ports, size_t n, int line, int ready, struct passt *passt,
                 struct err *e)
{
    _cleanup_strings_ struct strings words = {0};
    _cleanup_free_ const char **argv = NULL;
    const struct jail_fds keep = {.fds = {line, ready}, .n = 2};
    struct spawn spawn = {.stdin_fd = -1,
                          .stdout_fd = passt->words,
                          .merge_stderr = true,
                          .own_session = true,
                          .keep = &keep};

    if (list_words(&words, line, ready, ports, n, e) < 0)
        return -1;
    argv = calloc(words.n + 1, sizeof(*argv));
    if (argv == NULL)
        return err_no_memory(e);
    memcpy(argv, words.items, words.n * sizeof(*argv));
    if (fcntl(line, F_SETFD, 0) < 0 || fcntl(ready, F_SETFD, 0) < 0)
        return err_errno(e, "a socket for the network");
    spawn.argv = argv;
    return spawn_start(&spawn, &passt->pid, e);
}

int passt_start(const struct publish *ports, size_t n, struct passt *passt, int *line,
                struct err *e)
{
    _cleanup_close_ int ours = -1, theirs = -1, told = -1;

    passt->words = make_words(e);
    if (passt->words < 0 || engine_pair(SOCK_STREAM, &ours, &theirs, e) < 0 ||
        make_pipe(&passt->ready, &told, e) < 0)
        return -1;
    if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
        return err_errno(e, "a socket for the network");
    if (start(ports, n, theirs, told, passt, e) < 0)
        return -1;
    *line = steal_fd(&ours);
    return 0;
}

/* ---- whether it can ---- */

static bool child_gets_namespace(void)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) < 0);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0;
}

/* A host may deny to berth what it allows to passt by name: then only passt itself can say. */
static int try(struct err *e)
{
    _cleanup_(passt_close) struct passt passt = {.ready = -1, .words = -1};
    _cleanup_close_ int line = -1;
    int result = passt_start(NULL, 0, &passt, &line, e), status;

    if (result == 0)
        result = passt_wait(&passt, e);
    if (passt.pid > 0) {
        kill(passt.pid, SIGKILL);
        while (waitpid(passt.pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    return result;
}

enum passt_state passt_probe(char *why, size_t len)
{
    _cleanup_free_ char *path = spawn_find(PASST);
    struct err e;

    if (path == NULL) {
        snprintf(why, len, "passt is missing: apt-get install %s", spawn_package(PASST));
        return PASST_MISSING;
    }
    if (child_gets_namespace() || try(&e) == 0)
        return PASST_READY;
    snprintf(why, len, "passt needs a user namespace, which this machine denies");
    return PASST_DENIED;
}

/* ---- waiting for it ---- */

int passt_wait(const struct passt *passt, struct err *e)
{
    char byte, word[LAST_WORD];
    ssize_t got;

    if (passt->pid <= 0)
        return 0;
    do
        got = read(passt->ready, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got == 1)
        return 0;
    engine_last_words(passt->words, word, sizeof(word));
    err_set(e, ERR_TOOL, "the guest's network: passt: %s",
            *word != '\0' ? word : "it ended without a word");
    return err_hint(e, "--net none runs it without");
}

void passt_close(struct passt *passt)
{
    cleanup_close(&passt->ready);
    cleanup_close(&passt->words);
}
