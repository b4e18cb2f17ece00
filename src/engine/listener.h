// SPDX-License-Identifier: GPL-3.0-or-later
/* listener.h: hears what another berth says over a pipe or a serial line, among what the kernel may
 * say there, and keeps what counts. Its bytes are anybody's: what is kept is bounded plain text. */
#ifndef BERTH_ENGINE_LISTENER_H
#define BERTH_ENGINE_LISTENER_H

#include <stddef.h>

#define LISTENER_LINE 1100 /* an error's text fits */

/* Begins as zeros. */
struct listener {
    char said[LISTENER_LINE];  /* the last line that began with "berth: ", behind that */
    char panic[LISTENER_LINE]; /* why the kernel gave up, when it did */
    char line[LISTENER_LINE];  /* the one that has no end yet */
    size_t len;
};

void listener_take(struct listener *l, const char *bytes, size_t n);

#endif
