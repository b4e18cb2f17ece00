// SPDX-License-Identifier: GPL-3.0-or-later
/* loop.c: epoll. A source that reports nothing but a hang-up is left alone from then on, so that
 * the loop never spins. */
#include "hypervisor/loop.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 16

int loop_make(struct loop *loop, struct err *e)
{
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll < 0 ? err_errno(e, "the device loop") : 0;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events, struct err *e)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    source->events = events;
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0)
        return err_errno(e, "waiting for descriptor %d", source->fd);
    return 0;
}

void loop_change(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (events == source->events)
        return;
    source->events = events;
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

static void dispatch(struct loop *loop, const struct epoll_event *event)
{
    struct loop_source *source = event->data.ptr;

    source->ready(source->arg, event->events);
    if ((event->events & (EPOLLHUP | EPOLLERR)) != 0 && (event->events & EPOLLIN) == 0)
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
}

void loop_run(struct loop *loop, const _Atomic int *until)
{
    struct epoll_event events[BATCH];

    while (*until < 0) {
        int n = epoll_wait(loop->epoll, events, BATCH, -1);

        if (n < 0 && errno != EINTR)
            return;
        for (int i = 0; i < n && *until < 0; i++)
            dispatch(loop, &events[i]);
    }
}

void loop_yield_to_guest(struct loop *loop, bool yields)
{
    const struct sched_param none = {.sched_priority = 0};

    if (loop->yields == yields)
        return;
    loop->yields = yields;
    (void)sched_setscheduler(0, yields ? SCHED_BATCH : SCHED_OTHER, &none);
}

void loop_drain(int eventfd)
{
    uint64_t count;

    (void)!read(eventfd, &count, sizeof(count));
}
