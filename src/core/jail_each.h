// SPDX-License-Identifier: GPL-3.0-or-later
/* jail_each.h: things that others wrote, each looked at in the jail (jail.h). */
#ifndef BERTH_CORE_JAIL_EACH_H
#define BERTH_CORE_JAIL_EACH_H

#include "core/jail.h"

/* In the jail: looks at thing i. What it finds goes into memory that it shares (jail_shared). */
typedef void jail_look_fn(void *arg, size_t i);

/* Outside: thing i brought the child down that looked at it; why says how. */
typedef void jail_fatal_fn(void *arg, size_t i, const struct err *why);

/* Looks at n things, one after the other: in one child, and behind a thing that brings it down in
 * another one, so that what the others hold is never lost. */
int jail_each(const struct jail_options *options, size_t n, jail_look_fn *look,
              jail_fatal_fn *fatal, void *arg, struct err *e);

/* Memory that the children share, all zeros; NULL with the err filled. What they wrote there is not
 * to be trusted. Freed with jail_unshare. */
void *jail_shared(size_t n, size_t size, struct err *e);
void jail_unshare(void *shared, size_t n, size_t size);

#endif
