// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * passt.h: the network of the monitor's guest: passt(1) at the other end of a socket. It needs no
 * privilege and jails itself. It ends when the last copy of the guest's end of that socket is
 * closed, and so with the monitor, whoever ended that.
 */
#ifndef BERTH_ENGINE_PASST_H
#define BERTH_ENGINE_PASST_H

#include "core/err.h"
#include "engine/publish.h"

#include <sys/types.h>

/* One that is starting. */
struct passt {
    pid_t pid;        /* the caller's to end and to wait for; 0: there is none */
    int ready, words; /* says that it is there; what it says on standard error */
};

enum passt_state {
    PASST_READY,
    PASST_MISSING, /* it is not installed */
    PASST_DENIED,  /* it cannot jail itself on this machine, and does not run without that */
};

/* Whether it can be started; else `why` says what is missing. */
enum passt_state passt_probe(char *why, size_t len);

/* Starts it. ports: what it leads to the guest. *line becomes the guest's end of the socket, which
 * does not wait, the caller's. ERR_NOT_FOUND with a hint when passt is not installed. */
int passt_start(const struct publish *ports, size_t n, struct passt *passt, int *line,
                struct err *e);

/* Waits until it listens on every port; none is waited for when there is none. ERR_TOOL with its
 * own words when it could not. */
int passt_wait(const struct passt *passt, struct err *e);

/* Forgets it, whether it runs or not. */
void passt_close(struct passt *passt);

#endif
