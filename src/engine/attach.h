// SPDX-License-Identifier: GPL-3.0-or-later
/* attach.h: what a person does with a guest that another process looks after. */
#ifndef BERTH_ENGINE_ATTACH_H
#define BERTH_ENGINE_ATTACH_H

#include "engine/running.h"

#include <stdbool.h>

/* Shows the guest on this terminal and passes on what is typed, until it ends or the person leaves
 * it. *status: of the command: 0 when it was left, else as berth run's. ERR_CRASHED with its
 * reason; ERR_REFUSED for one that is alone. */
int attach_console(const struct running *running, int *status, struct err *e);

/* Presses its power button and waits until it has ended; with force ends it at once. ERR_FAILED
 * when it does not power off in `seconds`, and goes on. */
int attach_stop(const struct running *running, bool force, int seconds, struct err *e);

#endif
