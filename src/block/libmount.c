// SPDX-License-Identifier: GPL-3.0-or-later
/* libmount.c: loads libmount. */
#include "block/libmount.h"
#include "core/library.h"

struct libmount lm;

static const struct library_call calls[] = {
#define CALL(name) {#name, (void **)&lm.name},
#include "block/libmount.def"
#undef CALL
};

int libmount_load(struct err *e)
{
    return library_load(LIBMOUNT, "libmount1", calls, sizeof(calls) / sizeof(calls[0]), e);
}
