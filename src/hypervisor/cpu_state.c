// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * cpu_state.c: a table of what there is, in the order in which it is given back: registers that
 * others depend on first, the time and the interrupt controller's timer after what they count by.
 */
#include "hypervisor/cpu_state.h"

#include "core/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

struct part {
    const char *what;
    unsigned long get, set;
    size_t offset;
    bool optional; /* not every KVM has it */
};

#define PART(what, name, member, optional)                                                         \
    {                                                                                              \
        what, KVM_GET_##name, KVM_SET_##name, offsetof(struct cpu_state, member), optional         \
    }

static const struct part parts[] = {
    PART("system registers", SREGS, sregs, false),
    PART("registers", REGS, regs, false),
    PART("extended control registers", XCRS, xcrs, true),
    PART("extended state", XSAVE, xsave, true),
    PART("debug registers", DEBUGREGS, debug, true),
    PART("interrupt controller", LAPIC, apic, false),
    PART("run state", MP_STATE, run_state, false),
    PART("events", VCPU_EVENTS, events, true),
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* The indices of all the MSRs this KVM wants kept; the caller frees it. */
static struct kvm_msr_list *list_msrs(int kvm, struct err *e)
{
    struct kvm_msr_list probe = {.nmsrs = 0}, *list;

    if (ioctl(kvm, KVM_GET_MSR_INDEX_LIST, &probe) < 0 && errno != E2BIG) {
        err_errno(e, "which registers the processor has");
        return NULL;
    }
    list = calloc(1, sizeof(*list) + probe.nmsrs * sizeof(list->indices[0]));
    if (list == NULL) {
        err_no_memory(e);
        return NULL;
    }
    list->nmsrs = probe.nmsrs;
    if (ioctl(kvm, KVM_GET_MSR_INDEX_LIST, list) == 0)
        return list;
    err_errno(e, "which registers the processor has");
    free(list);
    return NULL;
}

/* One at a time: one that this processor has not would end a list. */
static bool move_msr(int cpu, unsigned long request, struct kvm_msr_entry *entry)
{
    union cpu_msr msr = {.one = {.n = 1, .entry = *entry}};

    if (ioctl(cpu, request, &msr) != 1)
        return false;
    *entry = msr.one.entry;
    return true;
}

static int save_msrs(int kvm, int cpu, struct cpu_state *state, struct err *e)
{
    _cleanup_free_ struct kvm_msr_list *list = list_msrs(kvm, e);

    if (list == NULL)
        return -1;
    state->n_msrs = 0;
    for (uint32_t i = 0; i < list->nmsrs && state->n_msrs < CPU_MSRS; i++) {
        struct kvm_msr_entry *entry = &state->msrs[state->n_msrs];

        entry->index = list->indices[i];
        if (move_msr(cpu, KVM_GET_MSRS, entry))
            state->n_msrs++;
    }
    return 0;
}

int cpu_state_save(int kvm, int cpu, struct cpu_state *state, struct err *e)
{
    state->has = 0;
    for (size_t i = 0; i < PARTS; i++)
        if (ioctl(cpu, parts[i].get, (char *)state + parts[i].offset) == 0)
            state->has |= 1U << i;
        else if (!parts[i].optional)
            return err_errno(e, "saving a processor's %s", parts[i].what);
    return save_msrs(kvm, cpu, state, e);
}

int cpu_state_load(int cpu, const struct cpu_state *state, struct err *e)
{
    if (state->n_msrs > CPU_MSRS)
        return err_set(e, ERR_VERIFY, "a saved processor with %u registers", state->n_msrs);
    for (size_t i = 0; i < PARTS; i++)
        if ((state->has & 1U << i) != 0 &&
            ioctl(cpu, parts[i].set, (const char *)state + parts[i].offset) < 0)
            return err_errno(e, "restoring a processor's %s", parts[i].what);
    for (uint32_t i = 0; i < state->n_msrs; i++) {
        struct kvm_msr_entry entry = state->msrs[i];

        (void)move_msr(cpu, KVM_SET_MSRS, &entry); /* some can only be read */
    }
    return 0;
}
