// SPDX-License-Identifier: GPL-3.0-or-later
/* sandbox_probe.h: what of the monitor's sandbox can be had on this machine, found out by trying.
 */
#ifndef BERTH_ENGINE_SANDBOX_PROBE_H
#define BERTH_ENGINE_SANDBOX_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* True when the monitor gets all of its sandbox when this process starts it. text says what it has,
 * or what it has not. Takes a few milliseconds. */
bool sandbox_probe(char *text, size_t len);

#endif
