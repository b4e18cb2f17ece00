// SPDX-License-Identifier: GPL-3.0-or-later
/* libarchive.h: libarchive, loaded when the first archive is opened: with the libraries it brings
 * along, loading it takes longer than all that most commands do. */
#ifndef BERTH_TREE_LIBARCHIVE_H
#define BERTH_TREE_LIBARCHIVE_H

#include "core/err.h"

#include <archive.h>
#include <archive_entry.h>

/* Its functions by their own names and types; see archive(3). */
struct libarchive {
#define CALL(name) __typeof__(name) *name;
#include "tree/libarchive.def"
#undef CALL
};

extern struct libarchive la; /* filled by libarchive_load */

/* Loads the library; quick when it is loaded already. Not for use in a jail. ERR_UNSUPPORTED with a
 * hint when it is not installed. */
int libarchive_load(struct err *e);

#endif
