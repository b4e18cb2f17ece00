// SPDX-License-Identifier: GPL-3.0-or-later
/* cpu_state.h: everything KVM keeps of one processor, as plain data. Source: Linux
 * Documentation/virt/kvm/api.rst, sections 4 and 8 (each ioctl by its name). */
#ifndef BERTH_HYPERVISOR_CPU_STATE_H
#define BERTH_HYPERVISOR_CPU_STATE_H

#include "core/err.h"

#include <linux/kvm.h>
#include <stdint.h>

#define CPU_MSRS        256
#define CPU_XSAVE_BYTES 4096 /* of struct kvm_xsave, without what AMX would add */

/* One model-specific register, as KVM_GET_MSRS and KVM_SET_MSRS take a list of them. */
union cpu_msr {
    struct kvm_msrs list;
    struct {
        uint32_t n, pad;
        struct kvm_msr_entry entry;
    } one;
};

struct cpu_state {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    uint8_t xsave[CPU_XSAVE_BYTES];
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debug;
    struct kvm_lapic_state apic;
    struct kvm_mp_state run_state;
    struct kvm_vcpu_events events;
    struct kvm_msr_entry msrs[CPU_MSRS];
    uint32_t n_msrs;
    uint32_t has; /* a bit for each of the above that this KVM has, in order */
};

/* Reads it from a processor that stands still, and writes it to a new one. kvm, cpu: KVM's
 * descriptors. ERR_IO names what KVM would not give or take. */
int cpu_state_save(int kvm, int cpu, struct cpu_state *state, struct err *e);
int cpu_state_load(int cpu, const struct cpu_state *state, struct err *e);

#endif
