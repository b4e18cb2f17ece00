// SPDX-License-Identifier: GPL-3.0-or-later
/* libarchive.c: loads libarchive. */
#include "tree/libarchive.h"
#include "core/library.h"

struct libarchive la;

static const struct library_call calls[] = {
#define CALL(name) {#name, (void **)&la.name},
#include "tree/libarchive.def"
#undef CALL
};

int libarchive_load(struct err *e)
{
    return library_load("libarchive.so.13", "libarchive13", calls, sizeof(calls) / sizeof(calls[0]),
                        e);
}
