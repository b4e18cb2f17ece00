// SPDX-License-Identifier: GPL-3.0-or-later
/* supervise.h: stays with a running engine until it has ended, and says how. */
#ifndef BERTH_FLOW_SUPERVISE_H
#define BERTH_FLOW_SUPERVISE_H

#include "core/err.h"
#include "flow/console.h"
#include "flow/engine.h"

enum run_end {
    RUN_POWERED_OFF,
    RUN_RESET, /* the guest asked for a reboot */
    RUN_ENDED, /* the person ended it */
};

/* How long a guest has to power off when it is asked to, in seconds. */
#define SUPERVISE_GRACE 30

/* Blocks the signals that ask berth to end and returns a signalfd for them. */
int supervise_signals(struct err *e);

struct watch {
    struct console *console;
    int signals;      /* from supervise_signals; -1: they do what they always do */
    int server;       /* becomes readable when the guest's disk is gone */
    const char *name; /* of the guest, for messages */
    int patience;     /* milliseconds without a word until it counts as hung; -1: for ever */
};

/*
 * Moves console and machine protocol until the engine is gone; then it is closed.
 *
 * Ctrl-] or a signal presses the guest's power button, a second one, or SUPERVISE_GRACE seconds,
 * end the engine. Returns 0 with *end, or ERR_CRASHED for a panic, a guest that hangs or an engine
 * that broke down.
 */
int supervise(struct engine *engine, const struct watch *watch, enum run_end *end, struct err *e);

#endif
