// SPDX-License-Identifier: GPL-3.0-or-later
/* newc.h: archives for an initrd, put together by hand, so that they can lie. */
#ifndef BERTH_TESTS_NEWC_H
#define BERTH_TESTS_NEWC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROOM ((size_t)1 << 20)

/* Bytes being put together. */
struct made {
    uint8_t bytes[ROOM];
    size_t n;
};

static inline void put(struct made *m, const void *data, size_t n)
{
    assert_true(n <= ROOM - m->n);
    memcpy(m->bytes + m->n, data, n);
    m->n += n;
}

static inline void pad(struct made *m, size_t unit)
{
    while (m->n % unit != 0)
        put(m, "", 1);
}

static inline void put_entry(struct made *m, const char *path, unsigned mode, const char *data,
                             size_t size)
{
    char header[160];

    snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
             1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, strlen(path) + 1, 0);
    put(m, header, 110);
    put(m, path, strlen(path) + 1);
    pad(m, 4);
    put(m, data, strlen(data));
    pad(m, 4);
}

static inline void put_file(struct made *m, const char *path, const char *text)
{
    put_entry(m, path, 0100644, text, strlen(text));
}

static inline void put_end(struct made *m)
{
    put_entry(m, "TRAILER!!!", 0, "", 0);
    pad(m, 512);
}

#endif
