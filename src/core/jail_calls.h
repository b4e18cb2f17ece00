// SPDX-License-Identifier: GPL-3.0-or-later
/* jail_calls.h: the system calls that a jailed process has left. */
#ifndef BERTH_CORE_JAIL_CALLS_H
#define BERTH_CORE_JAIL_CALLS_H

#include "core/err.h"
#include "core/jail.h"

/* Restricts the calling process to its profile's list (core/filter.h); any other call ends it with
 * SIGSYS. */
int jail_calls_restrict(const struct jail_options *options, struct err *e);

#endif
