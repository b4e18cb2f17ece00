// SPDX-License-Identifier: GPL-3.0-or-later
/* err.c: the error value and its table of exit statuses. */
#include "core/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const int exit_statuses[] = {
#define ERR(code, status, text) [ERR_##code] = (status),
#include "core/err.def"
#undef ERR
};

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    e->code = code;
    e->hint[0] = '\0';
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return -1;
}

int err_errno(struct err *e, const char *fmt, ...)
{
    int saved = errno;
    size_t len;
    va_list ap;

    e->code = saved == ENOMEM ? ERR_NO_MEMORY : saved == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    e->hint[0] = '\0';
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    len = strlen(e->text);
    snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(saved));
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[sizeof(e->text)];
    size_t len;
    va_list ap;

    memcpy(inner, e->text, sizeof(inner));
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    len = strlen(e->text);
    snprintf(e->text + len, sizeof(e->text) - len, ": %s", inner);
    return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
    va_list ap;

    if (e->hint[0] != '\0')
        return -1;
    va_start(ap, fmt);
    vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
    va_end(ap);
    return -1;
}

int err_no_memory(struct err *e)
{
    return err_set(e, ERR_NO_MEMORY, "out of memory");
}

static void make_plain(char *text, size_t room)
{
    text[room - 1] = '\0';
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

void err_plain(struct err *e)
{
    make_plain(e->text, sizeof(e->text));
    make_plain(e->hint, sizeof(e->hint));
}

int err_exit_status(enum err_code code)
{
    return exit_statuses[code];
}
