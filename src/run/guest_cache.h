// SPDX-License-Identifier: GPL-3.0-or-later
/* guest_cache.h: one file that was made of what is in a guest, kept for its next start. Each guest
 * has folders of its own, so that none ever runs what another one brought. */
#ifndef BERTH_RUN_GUEST_CACHE_H
#define BERTH_RUN_GUEST_CACHE_H

#include "core/err.h"
#include "core/guid.h"

/* Writes what is to be kept. Returns 1, 0 when there is nothing to keep, -1. */
typedef int guest_cache_fill(void *arg, int out, struct err *e);

struct guest_cache {
    const char *state_folder;
    const char *kind;         /* the folder of all guests' files of this kind */
    const struct guid *guest; /* the GUID of its root partition */
    const char *name;         /* says what the file was made of */
    guest_cache_fill *fill;   /* NULL: what is not there is not made */
    void *arg;
};

/* The file of that name, from the cache or put there, whole or not at all, also over a power cut;
 * the guest's other files of this kind go. Returns a descriptor that is the caller's, or -1: *e
 * says what is wrong, or e->code is ERR_OK and there is nothing to keep. */
int guest_cache_open(const struct guest_cache *cache, struct err *e);

#endif
