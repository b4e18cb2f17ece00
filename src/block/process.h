// SPDX-License-Identifier: GPL-3.0-or-later
/* process.h: which process uses a device or a file. For messages: looks at every process, and sees
 * only what it may (all of them as root). */
#ifndef BERTH_BLOCK_PROCESS_H
#define BERTH_BLOCK_PROCESS_H

#include "core/err.h"
#include "model/extent.h"

#include <sys/stat.h>
#include <sys/types.h>

/* A process, other than this one, that has it open: "open in qemu-system-x86 (process 812)" as a
 * new string; NULL when none is seen. */
int process_that_opened(const struct stat *st, char **text, struct err *e);

/* A process, other than this one, that has locked the file's first bytes for itself, or all of it:
 * "under way in berth (process 812)" as a new string; NULL when none is seen. */
int process_that_locks(const struct stat *st, char **text, struct err *e);

/* A process, other than this one, that keeps others out of a part of that range of the file: "in
 * use by another berth (process 812)" as a new string; NULL when none is seen. */
int process_that_claims(const struct stat *st, struct extent range, char **text, struct err *e);

/* A process in whose mount namespace the device is mounted: "mounted on /srv for dockerd (process
 * 812)" as a new string, or NULL. */
int process_that_mounts(dev_t device, char **text, struct err *e);

#endif
