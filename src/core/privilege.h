// SPDX-License-Identifier: GPL-3.0-or-later
/* privilege.h: steps by which a process gives up what it may do; none of them can be taken back.
 * core/jail.c and the monitor each choose their own and their order. */
#ifndef BERTH_CORE_PRIVILEGE_H
#define BERTH_CORE_PRIVILEGE_H

#include "core/err.h"

#include <sys/resource.h>
#include <sys/types.h>

/* Whose nothing is: what root becomes when there is no better id. */
#define PRIVILEGE_NOBODY 65534

/* The standard descriptors from 0 to `last` become /dev/null. */
int privilege_silence(int last, struct err *e);

/* Becomes user and group `id`, with no further group. Root only. */
int privilege_become(uid_t id, struct err *e);

/* Sets both limits, for good. */
int privilege_limit(__rlimit_resource_t resource, rlim_t value, struct err *e);

/* Nobody may trace it, no program it starts gets more rights, and it leaves no core. A change of
 * ids undoes the first: afterwards again. */
int privilege_lock(struct err *e);

#endif
