// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * err.h: one error value, filled where something goes wrong, given context on the way up, printed
 * once by the program. Libraries never print and never exit.
 *
 * Functions that can fail return 0 or a positive value on success and -1 on failure, and take a
 * struct err * last. After -1 the err is filled; after success it is untouched.
 */
#ifndef BERTH_CORE_ERR_H
#define BERTH_CORE_ERR_H

#include <stdarg.h>

enum err_code {
#define ERR(code, status, text) ERR_##code,
#include "core/err.def"
#undef ERR
};

struct err {
    enum err_code code;
    char text[1024]; /* "outer context: inner context: what went wrong", no full stop */
    char hint[1024]; /* the way out, or empty */
};

#define ERR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Fills *e. All of these return -1, so that a caller can `return err_set(...)`. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* As err_set with ERR_IO (ERR_NO_MEMORY, ERR_NOT_FOUND where errno says so); appends ": " and
 * the text of errno. */
int err_errno(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Puts "context: " in front of the text. */
int err_wrap(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Sets the way out, unless one is set already. */
int err_hint(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

int err_no_memory(struct err *e);

/* For what a process said that is not trusted: both texts are ended and made printable. */
void err_plain(struct err *e);

/* The exit status of the program for a code. */
int err_exit_status(enum err_code code);

#endif
