// SPDX-License-Identifier: GPL-3.0-or-later
/* hibernation.h: whether a system sleeps in its swap. Starting it beside the host, or anything else
 * that changes its filesystems, would then destroy it when it resumes. */
#ifndef BERTH_OS_HIBERNATION_H
#define BERTH_OS_HIBERNATION_H

#include "block/blockdev.h"
#include "core/err.h"

#include <stdbool.h>

/* Looks at the signature of a swap area that fills the device: the kernel's swsusp ("S1SUSPEND"),
 * the older forms of it and of uswsusp ("S2SUSPEND", "ULSUSPEND"), TuxOnIce's, and "LINHIB0001".
 * Source: Linux kernel/power/swap.c, struct swsusp_header; util-linux, mkswap(8). */
int hibernation_in_swap(struct blockdev *swap, bool *hibernated, struct err *e);

#endif
