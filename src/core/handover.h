// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * handover.h: descriptors that this process got from what it was before it executed this program,
 * with all that hangs on them: a lock that must not be given up for a moment, an exclusive node, a
 * file without a name.
 */
#ifndef BERTH_CORE_HANDOVER_H
#define BERTH_CORE_HANDOVER_H

#include "core/err.h"

#include <stdint.h>

#define HANDOVER_MAX  160
#define HANDOVER_WHAT 16

/* Plain bytes, so that it can stand in a file. */
struct handover {
    uint32_t n;
    struct handover_entry {
        int32_t fd;
        char what[HANDOVER_WHAT]; /* of a file without a name; else empty */
    } entries[HANDOVER_MAX];
};

/* Adds the descriptor, which stays the caller's, unless it is there already. */
int handover_add(struct handover *handover, const char *what, int fd, struct err *e);

/* Closes all of them. */
void handover_close(struct handover *handover);

/* From now on handover_open and handover_copy find what is in it. */
void handover_install(const struct handover *handover);

/* open(path, flags), without creating; or a copy of the descriptor that was handed over for that
 * file, when it may do at least what flags say. Closed on exec. -1 with errno. */
int handover_open(const char *path, int flags);

/* A copy of the descriptor with that `what`, closed on exec; -1 when there is none. */
int handover_copy(const char *what);

#endif
