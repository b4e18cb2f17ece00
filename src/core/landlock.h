// SPDX-License-Identifier: GPL-3.0-or-later
/* landlock.h: giving up files, sockets and other processes for good. */
#ifndef BERTH_CORE_LANDLOCK_H
#define BERTH_CORE_LANDLOCK_H

#include "core/err.h"

/* Of the kernel's Landlock; 0 when it has none, -1 when it does not say (errno). */
int landlock_version(void);

/* From now on the calling thread, and all it will start, can do nothing that Landlock can deny:
 * everything this kernel's version handles, with no rule that allows any of it. What is open stays
 * usable. no_new_privs is set. Returns 1, 0 when the kernel has no Landlock, -1 on failure.
 * Source: Linux Documentation/userspace-api/landlock.rst. */
int landlock_deny_all(struct err *e);

#endif
