// SPDX-License-Identifier: GPL-3.0-or-later
/* leave.h: goes on in the background. */
#ifndef BERTH_ENGINE_LEAVE_H
#define BERTH_ENGINE_LEAVE_H

#include "engine/console.h"
#include "engine/hub.h"

/* Forks. The parent gives the terminal back, says how to reach the guest, and exits with status 0;
 * the child has a session of its own and no terminal: what it has to say goes to the system log
 * (daemon), its messages on standard error nowhere. Returns in the child only; -1 when there was no
 * fork. */
int leave(struct console *console, struct hub *hub, const char *name, struct err *e);

#endif
