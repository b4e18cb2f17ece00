// SPDX-License-Identifier: GPL-3.0-or-later
/* supervise.h: stays with a running engine until it has ended, and says how. */
#ifndef BERTH_ENGINE_SUPERVISE_H
#define BERTH_ENGINE_SUPERVISE_H

#include "core/err.h"
#include "engine/console.h"
#include "engine/engine.h"
#include "engine/hub.h"

enum run_end {
    RUN_POWERED_OFF,
    RUN_RESET, /* the guest asked for a reboot */
    RUN_ENDED, /* the person ended it */
};

/* How long a guest has to power off when the one who started it wants to end, in seconds. */
#define SUPERVISE_GRACE 30

/* Blocks the signals that ask berth to end, and the one of a terminal that changed its size, and
 * returns a signalfd for them. */
int supervise_signals(struct err *e);

/* berth run's exit status: 0 powered off, 10 rebooted, 130 ended. */
int supervise_status(enum run_end end);

struct watch {
    struct console *console;
    int signals;      /* from supervise_signals; -1: they do what they always do */
    int server;       /* becomes readable when the guest's disk is gone */
    const char *name; /* of the guest, for messages */
    int patience;     /* milliseconds without a word until it counts as hung; -1: for ever */
    struct hub *hub;  /* who else looks at it, or NULL */
    bool leaves;      /* goes on in the background as soon as the guest runs */
};

/*
 * Moves lines and machine protocol until the engine is gone; then it is closed.
 *
 * A wish of the person or a signal presses the guest's power button; a second signal, or
 * SUPERVISE_GRACE seconds after the first, end the engine. To leave it running, this process forks:
 * the parent exits with status 0, and the child returns from here when the guest has ended. Returns
 * 0 with *end, or ERR_CRASHED for a panic, a guest that hangs or an engine that broke down.
 */
int supervise(struct engine *engine, const struct watch *watch, enum run_end *end, struct err *e);

#endif
