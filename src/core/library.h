// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * library.h: libraries that are opened when they are used. Loading one can take longer than all
 * that a quick command does, and most commands use few of them.
 *
 * A library's functions are the rows of a .def file, CALL(name), and the members of a struct of
 * pointers: see tree/libarchive.h.
 */
#ifndef BERTH_CORE_LIBRARY_H
#define BERTH_CORE_LIBRARY_H

#include "core/err.h"

#include <stddef.h>

struct library_call {
    const char *name;
    void **slot; /* gets the function's address */
};

/* Opens the library ("libmount.so.1") and fills all the slots, or none; quick when that is done. It
 * stays open. Not for use in a jail, which opens nothing. ERR_UNSUPPORTED, with the Debian package
 * as a hint, when it is not installed. */
int library_load(const char *soname, const char *package, const struct library_call *calls,
                 size_t n, struct err *e);

/* Where a library is that has been loaded, a new string; NULL with the err filled. */
char *library_path(const char *soname, struct err *e);

#endif
