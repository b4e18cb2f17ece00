// SPDX-License-Identifier: GPL-3.0-or-later
/* qmp.h: the little of QEMU's machine protocol that a supervisor needs: two commands, and why the
 * guest ended. Source: QEMU docs/interop/qmp-spec, qapi/run-state.json. */
#ifndef BERTH_ENGINE_QMP_H
#define BERTH_ENGINE_QMP_H

#include "core/err.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>

struct qmp {
    int fd; /* a connected socket, owned */
    enum engine_fate shutdown;
    size_t fill;
    char buf[16384];
};

/* Takes the socket over and leaves QEMU's capabilities negotiation behind it. */
int qmp_open(struct qmp *qmp, int fd, struct err *e);
void qmp_close(struct qmp *qmp);

/* Reads what QEMU has said and keeps in `shutdown` what it means. Returns 0 at the end of the
 * stream, 1 otherwise, -1 for what is no QMP. */
int qmp_read(struct qmp *qmp, struct err *e);

/* The power button. */
int qmp_power_down(struct qmp *qmp, struct err *e);

#endif
