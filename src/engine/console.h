// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * console.h: a person's terminal (or two pipes) on one side, a guest's lines on the other.
 *
 * A terminal is raw between console_open and console_close: every key goes to the guest but Ctrl-],
 * which makes the next one berth's own. Without a terminal, standard input is passed on as it is.
 */
#ifndef BERTH_ENGINE_CONSOLE_H
#define BERTH_ENGINE_CONSOLE_H

#include "core/err.h"
#include "engine/listener.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#define CONSOLE_PENDING 4096

#define CONSOLE_KEYS "Ctrl-] and then: d leaves it running, p powers it off, e ends it at once"

/* What a person wants, by a key behind Ctrl-]. */
enum console_wish {
    CONSOLE_LEAVE = 1,
    CONSOLE_POWER_OFF = 2,
    CONSOLE_END = 4,
};

struct console {
    bool raw; /* standard input is a terminal, and `saved` its state before */
    struct termios saved;
    bool reads;                    /* standard input may still bring something */
    bool writes;                   /* standard output still takes something */
    bool own_key;                  /* the next key is berth's */
    char pending[CONSOLE_PENDING]; /* read, not yet taken by the guest */
    size_t n_pending;
    struct listener *listener; /* hears the guest instead of standard output, or NULL */
};

/* A guest that no person talks to has a console that was not opened, with only a listener. */
int console_open(struct console *console, struct err *e);
void console_close(struct console *console);

/* Reads what was typed into pending. Returns the bits of enum console_wish. */
unsigned console_read(struct console *console);

/* Appends what somebody else typed, as far as there is room. */
void console_type(struct console *console, const char *bytes, size_t n);

/* Gives the guest what it takes of pending without waiting. */
void console_feed(struct console *console, int line);

/* Shows what the guest said. */
void console_show(struct console *console, const char *bytes, size_t n);

/* The size of the terminal; false where there is none. */
bool console_window(const struct console *console, uint16_t *columns, uint16_t *rows);

/* A line from berth itself, on standard error, right in either mode. */
void console_say(const struct console *console, const char *text);

#endif
