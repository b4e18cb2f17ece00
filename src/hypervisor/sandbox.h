// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * sandbox.h: how the monitor gives up what it may do, in this order:
 *
 *     sandbox_shrink   descriptors, namespaces, root, capabilities      before the machine is made
 *     sandbox_seal     what only making it took; Landlock               before a thread is started
 *     sandbox_enter_*  a list of system calls for each kind of thread   before the guest runs
 *
 * A call that is on no list ends the process. The device loop reaches its disk through windows of
 * bytes: outside the description's ranges the kernel itself refuses.
 */
#ifndef BERTH_HYPERVISOR_SANDBOX_H
#define BERTH_HYPERVISOR_SANDBOX_H

#include "hypervisor/vm.h"

#include "core/filter.h"

/* What the host denied: bits of sandbox.lacks, and of what the supervisor is told. The machine runs
 * without. */
enum sandbox_lack {
    SANDBOX_NO_NAMESPACES = 1,
    SANDBOX_NO_EMPTY_ROOT = 2, /* it still sees the host's files, which Landlock may deny it */
    SANDBOX_NO_LANDLOCK = 4,
    SANDBOX_NO_OTHER_USER = 8, /* root of a container with no other user: it keeps that id */
};

struct sandbox {
    const struct vm *vm;
    uint32_t lacks;
    struct filter cpu, loop; /* one for each kind of thread */
};

/* Standard error stays as it is until the seal, for messages. */
int sandbox_shrink(struct sandbox *sandbox, const struct description *description, struct err *e);

/* Also makes the lists; vm is the machine that was made. */
int sandbox_seal(struct sandbox *sandbox, const struct vm *vm, struct err *e);

/* Each in its own thread; the argument is the sandbox. */
int sandbox_enter_cpu(void *sandbox, struct err *e);
int sandbox_enter_loop(void *sandbox, struct err *e);

/* Makes the lists (sandbox_calls.c). */
int sandbox_list_cpu(struct filter *filter, const struct vm *vm, struct err *e);
int sandbox_list_loop(struct filter *filter, const struct vm *vm, struct err *e);

#ifdef SANDBOX_PROBE
/* Only in a test's build: tests/sandbox/probe.c tries what must not work. */
bool probe_leaves_out(const char *layer);
void probe_try(const char *thread, const struct vm *vm);
#endif

#endif
