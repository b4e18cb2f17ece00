// SPDX-License-Identifier: GPL-3.0-or-later
/* sandbox_probe.c: a child gives up what the monitor gives up, by the monitor's own code, and says
 * by its exit status what it could not. */
#include "engine/sandbox_probe.h"
#include "core/landlock.h"
#include "hypervisor/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED 255 /* more than all lacks together */

_Static_assert(1 << SANDBOX_LACKS <= FAILED, "an exit status has room for every lack");

static _Noreturn void try_sandbox(void)
{
    static struct sandbox sandbox; /* large */
    struct err ignored;

    _exit(sandbox_try(&sandbox, &ignored) < 0 ? FAILED : (int)sandbox.lacks);
}

static int ask_child(void)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        try_sandbox();
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static void list_lacks(int lacks, char *text, size_t len)
{
    size_t n = 0;

    for (unsigned bit = 0; bit < SANDBOX_LACKS && n < len; bit++)
        if ((lacks & 1 << bit) != 0)
            n += (size_t)snprintf(text + n, len - n, "%s%s", n > 0 ? "; " : "",
                                  sandbox_lack_text(bit));
}

bool sandbox_probe(char *text, size_t len)
{
    int lacks = ask_child();

    if (lacks == FAILED)
        snprintf(text, len,
                 "no lists of system calls: this kernel has no seccomp; it does not start");
    else if (lacks != 0)
        list_lacks(lacks, text, len);
    else
        snprintf(text, len, "namespaces, an empty root, Landlock %d, lists of system calls",
                 landlock_version());
    return lacks == 0;
}
