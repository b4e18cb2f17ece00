// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * loop.h: the device loop: one thread that waits for all descriptors and calls whose turn it is.
 * Sources are added before it runs, and live as long as the machine.
 */
#ifndef BERTH_HYPERVISOR_LOOP_H
#define BERTH_HYPERVISOR_LOOP_H

#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop {
    int epoll;
    bool yields; /* loop_yield_to_guest */
};

struct loop_source {
    int fd;
    void (*ready)(void *arg, uint32_t events); /* EPOLLIN, EPOLLOUT ... */
    void *arg;
    uint32_t events; /* waited for now */
};

int loop_make(struct loop *loop, struct err *e);

/* Waits for `events` on source->fd from now on. */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events, struct err *e);

/* Waits for others of it; 0: for none. Only from the loop's own thread. */
void loop_change(struct loop *loop, struct loop_source *source, uint32_t events);

/* Calls sources until *until is no longer negative. */
void loop_run(struct loop *loop, const _Atomic int *until);

/* Whether a processor that shares one with the loop's thread goes on until it waits or its time is
 * over, before the thread is run (SCHED_BATCH), or is interrupted as soon as there is something to
 * do. Where they do not share one it is all the same. Only from the loop's own thread. */
void loop_yield_to_guest(struct loop *loop, bool yields);

/* Empties an eventfd. */
void loop_drain(int eventfd);

#endif
