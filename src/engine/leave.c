// SPDX-License-Identifier: GPL-3.0-or-later
/* leave.c: the fork, and what is different behind it. */
#include "engine/leave.h"
#include "core/cleanup.h"

#include <fcntl.h>

/* Not before the child has a session of its own: what is left of this one is hung up. */
static _Noreturn void say_goodbye(struct console *console, const char *name, const int ready[2])
{
    char text[256], byte;

    close(ready[1]);
    (void)!read(ready[0], &byte, 1); /* the end, when the child has closed its copy */
    console_close(console);
    snprintf(text, sizeof(text),
             "berth: %s goes on; `berth console %s` talks to it, `berth stop %s` powers it off",
             name, name, name);
    console_say(console, text);
    _exit(0);
}

int leave(struct console *console, struct hub *hub, const char *name, struct err *e)
{
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int ready[2];
    pid_t child;

    if (null < 0)
        return err_errno(e, "/dev/null");
    if (pipe2(ready, O_CLOEXEC) < 0)
        return err_errno(e, "a pipe");
    child = fork();
    if (child < 0) {
        err_errno(e, "leaving %s in the background", name);
        close(ready[0]);
        close(ready[1]);
        return -1;
    }
    if (child > 0)
        say_goodbye(console, name, ready);
    setsid();
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    console->raw = console->reads = console->writes = false;
    hub->foreground = false;
    close(ready[0]);
    close(ready[1]);
    return 0;
}
