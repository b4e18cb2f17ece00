// SPDX-License-Identifier: GPL-3.0-or-later
/* kernel_cache.h: a guest's kernel, unpacked once (os/kernel_payload.h) and kept in the guest's own
 * folder (run/guest_cache.h). */
#ifndef BERTH_RUN_KERNEL_CACHE_H
#define BERTH_RUN_KERNEL_CACHE_H

#include "core/err.h"
#include "core/guid.h"

/* What is packed in the kernel, from the cache or put there. Returns a descriptor that is the
 * caller's, or -1: this kernel unpacks itself, and nothing is wrong with that, or *e says what is
 * (e->code; ERR_OK otherwise). guest: the GUID of its root partition. kernel: a memory file that
 * nobody changes. A guest's other kernels leave the cache. */
int kernel_cache_open(const struct guid *guest, const char *state_folder, int kernel,
                      struct err *e);

/* The same of a kernel of which only both ends are there (boot_reader.h): -1 when the cache does
 * not have it. */
int kernel_cache_find(const struct guid *guest, const char *state_folder, int kernel,
                      struct err *e);

#endif
