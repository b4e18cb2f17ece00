// SPDX-License-Identifier: GPL-3.0-or-later
/* libexec.h: berth's own files that are no commands: where BERTH_LIBEXEC says, beside this program
 * (or one folder up: the tests of a build), or where `make install` puts them. */
#ifndef BERTH_CORE_LIBEXEC_H
#define BERTH_CORE_LIBEXEC_H

#include "core/err.h"

/* Opens one by its name, to read. Returns the descriptor, -1 with ERR_NOT_FOUND and a hint. */
int libexec_open(const char *name, struct err *e);

/* Its path, a new string; NULL as above. */
char *libexec_path(const char *name, struct err *e);

#endif
