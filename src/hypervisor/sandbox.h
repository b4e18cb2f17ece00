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

#include "hypervisor/sandbox_lack.h"
#include "hypervisor/vm.h"

#include "core/filter.h"

struct sandbox {
    const struct vm *vm;
    uint32_t lacks;          /* what the host denied: enum sandbox_lack */
    struct filter cpu, loop; /* one for each kind of thread */
};

/* Standard error stays as it is until the seal, for messages. */
int sandbox_shrink(struct sandbox *sandbox, const struct description *description, struct err *e);

/* Also makes the lists; vm is the machine that was made. */
int sandbox_seal(struct sandbox *sandbox, const struct vm *vm, struct err *e);

/* Each in its own thread; the argument is the sandbox. */
int sandbox_enter_cpu(void *sandbox, struct err *e);
int sandbox_enter_loop(void *sandbox, struct err *e);

/* Gives up everything that a host may deny, in the calling process, which is for nothing else: who
 * wants to know sees it in sandbox->lacks. -1 when it cannot filter system calls, without which no
 * monitor runs. */
int sandbox_try(struct sandbox *sandbox, struct err *e);

/* Makes the lists (sandbox_calls.c). */
int sandbox_list_cpu(struct filter *filter, const struct vm *vm, struct err *e);
int sandbox_list_loop(struct filter *filter, const struct vm *vm, struct err *e);

#ifdef SANDBOX_PROBE
/* Only in a test's build: tests/sandbox/probe.c tries what must not work. */
bool probe_leaves_out(const char *layer);
void probe_try(const char *thread, const struct vm *vm);
#endif

#endif
