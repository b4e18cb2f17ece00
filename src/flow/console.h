// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * console.h: a person's terminal (or two pipes) on one side, a guest's serial line on the other.
 *
 * A terminal is raw between console_open and console_close: every key goes to the guest but Ctrl-],
 * which is for the supervisor. Without a terminal, standard input is passed on as it is.
 */
#ifndef BERTH_FLOW_CONSOLE_H
#define BERTH_FLOW_CONSOLE_H

#include "core/err.h"
#include "flow/listener.h"

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#define CONSOLE_PENDING 4096

struct console {
    bool raw; /* standard input is a terminal, and `saved` its state before */
    struct termios saved;
    bool reads;                    /* standard input may still bring something */
    bool writes;                   /* standard output still takes something */
    char pending[CONSOLE_PENDING]; /* read, not yet taken by the guest */
    size_t n_pending;
    struct listener *listener; /* hears the guest instead of standard output, or NULL */
};

/* A guest that no person talks to has a console that was not opened, with only a listener. */
int console_open(struct console *console, struct err *e);
void console_close(struct console *console);

/* Reads what was typed into pending. Returns how often Ctrl-] was in it. */
unsigned console_read(struct console *console);

/* Gives the guest what it takes of pending without waiting. */
void console_feed(struct console *console, int serial);

/* Shows what the guest says. Returns false at the end of its line. */
bool console_show(struct console *console, int serial);

/* A line from berth itself, on standard error, right in either mode. */
void console_say(const struct console *console, const char *text);

#endif
