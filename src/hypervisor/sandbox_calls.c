// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * sandbox_calls.c: the system calls of each kind of thread. Neither opens, connects, makes a
 * process, maps memory or sends a descriptor.
 *
 * Rules are asked in order: what comes most often stands first.
 */
#include "hypervisor/sandbox.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kvm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EVENTS_MAX   16

/* Locks, the clock where the kernel does not map it, signals, and the end of a thread. */
static const int both_calls[] = {
    SYS_futex,          SYS_clock_gettime, SYS_time, SYS_rt_sigreturn,
    SYS_rt_sigprocmask, SYS_madvise,       SYS_exit, SYS_restart_syscall,
};

/* poll waits for the serial line at the end; getpid is for pthread_kill, munmap for pthread_join.
 * The loop's thread may also choose its own way to be scheduled; what takes more rights fails. */
static const int loop_calls[] = {SYS_sched_yield, SYS_poll,   SYS_getrandom,
                                 SYS_getpid,      SYS_munmap, SYS_exit_group};

struct events {
    int fds[EVENTS_MAX];
    size_t n;
};

static void add_kicks(struct events *events, const struct virtio *virtio)
{
    for (unsigned i = 0; virtio->ops != NULL && i < virtio->ops->n_queues; i++)
        events->fds[events->n++] = virtio->kicks[i].source.fd;
}

/* The machine's own eventfds, by which threads wake each other. */
static struct events list_events(const struct vm *vm)
{
    const struct virtio *devices[] = {&vm->block.virtio, &vm->net.virtio, &vm->console.virtio,
                                      &vm->rng};
    struct events events = {{vm->outcome.wake, vm->serial.work.fd}, 2};

    _Static_assert(2 + COUNT(devices) * VIRTIO_QUEUES <= EVENTS_MAX, "room for every eventfd");
    for (size_t i = 0; i < COUNT(devices); i++)
        add_kicks(&events, devices[i]);
    return events;
}

static void allow_request(struct filter *filter, int fd, unsigned long request)
{
    const struct filter_test tests[] = {FILTER_IS(0, fd), FILTER_IS(1, request)};

    filter_allow_if(filter, SYS_ioctl, tests, COUNT(tests));
}

int sandbox_list_cpu(struct filter *filter, const struct vm *vm, struct err *e)
{
    struct events events = list_events(vm);

    filter_begin(filter);
    filter_allow_ioctl(filter, KVM_RUN);
    allow_request(filter, vm->fd, KVM_IRQ_LINE);
    allow_request(filter, vm->fd, KVM_SIGNAL_MSI);
    allow_request(filter, vm->fd, KVM_IOEVENTFD);
    for (size_t i = 0; i < events.n; i++)
        filter_allow_fd(filter, SYS_write, events.fds[i]);
    filter_allow_all(filter, both_calls, COUNT(both_calls));
    return filter_end(filter, FILTER_KILL, e);
}

/* ---- the device loop ---- */

static void allow_lines(struct filter *filter, const struct vm *vm)
{
    const struct description *d = vm->description;
    const int lines[] = {d->console, d->net, d->serial};
    struct events events = list_events(vm);

    for (size_t i = 0; i < events.n; i++) {
        filter_allow_fd(filter, SYS_read, events.fds[i]);
        filter_allow_fd(filter, SYS_write, events.fds[i]);
    }
    for (size_t i = 0; i < COUNT(lines); i++)
        if (lines[i] >= 0) {
            filter_allow_fd(filter, SYS_read, lines[i]);
            filter_allow_fd(filter, SYS_write, lines[i]);
        }
    filter_allow_fd(filter, SYS_read, vm->signals.fd);
    filter_allow_fd(filter, SYS_recvfrom, d->control);
    filter_allow_fd(filter, SYS_sendto, d->control);
}

/* Of a device that is one range as a whole, the kernel itself knows the end. */
static void allow_whole(struct filter *filter, const struct storage_range *range)
{
    const int calls[] = {SYS_preadv, SYS_pwritev};

    for (size_t i = 0; i < COUNT(calls); i++) {
        filter_allow_fd(filter, calls[i], range->fd);
        if (range->direct > 0)
            filter_allow_fd(filter, calls[i], range->direct);
    }
}

/* With a file for what is written, nothing else is written to; it has the disk's size, in whole
 * blocks. */
static void allow_disk(struct filter *filter, const struct vm *vm)
{
    const struct description *d = vm->description;
    const struct filter_test punches[] = {FILTER_IS(1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)};
    const struct filter_test wishes[] = {FILTER_IS(3, POSIX_FADV_WILLNEED)};
    const struct filter_ranged calls[] = {{SYS_pread64, 3, 2, NULL, 0},
                                          {SYS_fadvise64, 1, 2, wishes, COUNT(wishes)},
                                          {SYS_pwrite64, 3, 2, NULL, 0},
                                          {SYS_fallocate, 2, 3, punches, COUNT(punches)}};
    const uint64_t blocks = (d->disk_bytes + OVERLAY_BLOCK - 1) / OVERLAY_BLOCK;
    const struct filter_window overlay = {d->overlay, 0, blocks * OVERLAY_BLOCK};
    struct filter_window windows[2 * STORAGE_RANGES];
    size_t n = d->n_ranges;

    for (uint32_t i = 0; i < d->n_ranges; i++) {
        const struct storage_range *range = &d->ranges[i];

        windows[i] = (struct filter_window){range->fd, range->at, range->at + range->bytes};
        if (range->direct > 0)
            windows[n++] = (struct filter_window){range->direct, range->at, windows[i].end};
    }
    filter_allow_windows(filter, calls, d->overlay >= 0 ? 1 : COUNT(calls), windows, n);
    if (d->overlay >= 0)
        filter_allow_windows(filter, calls, COUNT(calls), &overlay, 1);
    for (uint32_t i = 0; i < d->n_ranges && d->overlay < 0; i++) {
        if (i == 0 || windows[i].fd != windows[i - 1].fd)
            filter_allow_fd(filter, SYS_fdatasync, windows[i].fd);
        if (vm->block.storage.whole[i])
            allow_whole(filter, &d->ranges[i]);
    }
}

/* What KVM keeps of a machine, to be read; a buffer for it; and the file. */
static void allow_saving(struct filter *filter, const struct description *d)
{
    static const unsigned long requests[] = {
        KVM_GET_IRQCHIP,     KVM_GET_CLOCK, KVM_GET_SREGS,     KVM_GET_REGS,
        KVM_GET_XCRS,        KVM_GET_XSAVE, KVM_GET_LAPIC,     KVM_GET_MP_STATE,
        KVM_GET_VCPU_EVENTS, KVM_GET_MSRS,  KVM_GET_DEBUGREGS, KVM_GET_MSR_INDEX_LIST};

    for (size_t i = 0; i < COUNT(requests); i++)
        filter_allow_ioctl(filter, requests[i]);
    filter_allow(filter, SYS_brk);
    filter_allow_fd(filter, SYS_pwrite64, d->state);
    filter_allow_fd(filter, SYS_ftruncate, d->state);
}

int sandbox_list_loop(struct filter *filter, const struct vm *vm, struct err *e)
{
    const struct filter_test own[] = {FILTER_IS(0, getpid())};
    const struct filter_test itself[] = {FILTER_IS(0, 0)};

    filter_begin(filter);
    allow_request(filter, vm->fd, KVM_SIGNAL_MSI);
    allow_request(filter, vm->fd, KVM_IRQ_LINE);
    filter_allow_fd(filter, SYS_epoll_wait, vm->loop.epoll);
    filter_allow_fd(filter, SYS_epoll_ctl, vm->loop.epoll);
    allow_lines(filter, vm);
    filter_allow_all(filter, both_calls, COUNT(both_calls));
    filter_allow_all(filter, loop_calls, COUNT(loop_calls));
    filter_allow_if(filter, SYS_tgkill, own, COUNT(own));
    filter_allow_if(filter, SYS_sched_setscheduler, itself, COUNT(itself));
    if (vm->description->state >= 0)
        allow_saving(filter, vm->description);
    allow_disk(filter, vm);
    return filter_end(filter, FILTER_KILL, e);
}
