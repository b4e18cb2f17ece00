// SPDX-License-Identifier: GPL-3.0-or-later
/* console.c: moves bytes between a terminal and a guest's line. */
#include "engine/console.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define OWN_KEY 0x1d /* Ctrl-] */

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

/* What the key behind Ctrl-] means. A second Ctrl-] is the guest's. */
static unsigned take_own_key(struct console *console, char key)
{
    console->own_key = false;
    switch (key) {
    case 'd':
        return CONSOLE_LEAVE;
    case 'p':
        return CONSOLE_POWER_OFF;
    case 'e':
        return CONSOLE_END;
    case OWN_KEY:
        console_type(console, &key, 1);
        return 0;
    default:
        console_say(console, "berth: " CONSOLE_KEYS);
        return 0;
    }
}

static unsigned take_keys(struct console *console, const char *keys, size_t n)
{
    unsigned wishes = 0;

    for (size_t i = 0; i < n; i++) {
        if (console->own_key)
            wishes |= take_own_key(console, keys[i]);
        else if (keys[i] == OWN_KEY)
            console->own_key = true;
        else
            console_type(console, &keys[i], 1);
    }
    return wishes;
}

unsigned console_read(struct console *console)
{
    char keys[CONSOLE_PENDING];
    ssize_t got = read(STDIN_FILENO, keys, sizeof(keys) - console->n_pending);
    size_t n = got > 0 ? (size_t)got : 0;

    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
        console->reads = false;
    if (console->raw)
        return take_keys(console, keys, n);
    console_type(console, keys, n);
    return 0;
}

void console_type(struct console *console, const char *bytes, size_t n)
{
    size_t room = CONSOLE_PENDING - console->n_pending;

    n = n < room ? n : room;
    memcpy(console->pending + console->n_pending, bytes, n);
    console->n_pending += n;
}

void console_feed(struct console *console, int line)
{
    ssize_t put = send(line, console->pending, console->n_pending, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (put <= 0)
        return;
    console->n_pending -= (size_t)put;
    memmove(console->pending, console->pending + put, console->n_pending);
}

void console_show(struct console *console, const char *bytes, size_t n)
{
    struct err ignored;

    /* Where nobody listens any more the guest still goes on. */
    if (console->writes && io_write(STDOUT_FILENO, bytes, n, &ignored) < 0)
        console->writes = false;
    if (console->listener != NULL)
        listener_take(console->listener, bytes, n);
}

bool console_window(const struct console *console, uint16_t *columns, uint16_t *rows)
{
    struct winsize size;

    if (!console->raw || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
        return false;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return size.ws_col > 0 && size.ws_row > 0;
}

void console_say(const struct console *console, const char *text)
{
    dprintf(STDERR_FILENO, console->raw ? "\r\n%s\r\n" : "%s\n", text);
}
