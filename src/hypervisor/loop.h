// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * loop.h: the device loop: one thread that waits for all descriptors and calls whose turn it is.
 * Sources are added before it runs, and live as long as the machine.
 */
#ifndef BERTH_HYPERVISOR_LOOP_H
#define BERTH_HYPERVISOR_LOOP_H

#include "core/err.h"

#include <stdint.h>

struct loop {
    int epoll;
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

/* Empties an eventfd. */
void loop_drain(int eventfd);

#endif
