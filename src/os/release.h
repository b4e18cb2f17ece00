// SPDX-License-Identifier: GPL-3.0-or-later
/* release.h: what a system says of itself in os-release (freedesktop.org, os-release(5)). */
#ifndef BERTH_OS_RELEASE_H
#define BERTH_OS_RELEASE_H

#include "core/err.h"

#include <stddef.h>

/* Strings are owned by the release; NULL where the file does not say. */
struct release {
    char *id;          /* "debian" */
    char *name;        /* "Debian GNU/Linux" */
    char *pretty_name; /* "Debian GNU/Linux 12 (bookworm)" */
    char *version_id;  /* "12" */
};

/* Parses the text of an os-release file: lines of NAME=value with the shell's quotes. Lines that
 * are something else are passed over, a later assignment counts, control characters become spaces
 * (the text is shown on terminals). Fails only without memory. Freed with release_free. */
int release_parse(const char *text, size_t len, struct release *release, struct err *e);

void release_free(struct release *release);

#endif
