// SPDX-License-Identifier: GPL-3.0-or-later
/* console.c: moves bytes between a terminal and a serial line. */
#include "flow/console.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LEAVE_KEY 0x1d /* Ctrl-] */

/* /dev/null brings nothing. */
static bool brings_something(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return false;
    return !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3);
}

int console_open(struct console *console, struct err *e)
{
    struct termios raw;

    *console = (struct console){.reads = brings_something(STDIN_FILENO), .writes = true};
    if (!isatty(STDIN_FILENO))
        return 0;
    if (tcgetattr(STDIN_FILENO, &console->saved) < 0)
        return err_errno(e, "the terminal");
    raw = console->saved;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
        return err_errno(e, "the terminal");
    console->raw = true;
    return 0;
}

void console_close(struct console *console)
{
    if (console->raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &console->saved);
    console->raw = false;
}

/* Removes every Ctrl-] from the n bytes at p. */
static unsigned take_leave_keys(char *p, size_t *n)
{
    unsigned presses = 0;
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        if (p[i] == LEAVE_KEY)
            presses++;
        else
            p[kept++] = p[i];
    }
    *n = kept;
    return presses;
}

unsigned console_read(struct console *console)
{
    char *free_from = console->pending + console->n_pending;
    ssize_t got = read(STDIN_FILENO, free_from, CONSOLE_PENDING - console->n_pending);
    size_t n = got > 0 ? (size_t)got : 0;
    unsigned presses = 0;

    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
        console->reads = false;
    if (console->raw)
        presses = take_leave_keys(free_from, &n);
    console->n_pending += n;
    return presses;
}

void console_feed(struct console *console, int serial)
{
    ssize_t put = send(serial, console->pending, console->n_pending, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (put <= 0)
        return;
    console->n_pending -= (size_t)put;
    memmove(console->pending, console->pending + put, console->n_pending);
}

bool console_show(struct console *console, int serial)
{
    char buf[8192];
    struct err ignored;
    ssize_t got = recv(serial, buf, sizeof(buf), MSG_DONTWAIT);

    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    /* Where nobody listens any more the guest still goes on. */
    if (got > 0 && console->writes && io_write(STDOUT_FILENO, buf, (size_t)got, &ignored) < 0)
        console->writes = false;
    if (got > 0 && console->listener != NULL)
        listener_take(console->listener, buf, (size_t)got);
    return got > 0;
}

void console_say(const struct console *console, const char *text)
{
    dprintf(STDERR_FILENO, console->raw ? "\r\n%s\r\n" : "%s\n", text);
}
