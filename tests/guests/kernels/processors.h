/* SPDX-License-Identifier: GPL-3.0-or-later */
/* processors.h: all processors of the machine. Source: Intel 64 SDM volume 3, 8.4.4 (their start by
 * INIT and SIPI); ACPI 6.4, 5.2.12 (who there is). */
#ifndef BERTH_TESTS_PROCESSORS_H
#define BERTH_TESTS_PROCESSORS_H

#include "guest.h"

/* Starts every processor that ACPI names but this one. Each calls `entry` with its own number, from
 * 1 on, in long mode with interrupts off, on a stack of its own; when that returns, it halts.
 * Returns how many processors there are, this one included. */
unsigned processors_start(void (*entry)(unsigned number));

#endif
