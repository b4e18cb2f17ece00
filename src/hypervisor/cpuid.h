// SPDX-License-Identifier: GPL-3.0-or-later
/* cpuid.h: what the guest's processors say they are: the host's, as far as KVM passes it on, in one
 * package of as many cores as the machine has. */
#ifndef BERTH_HYPERVISOR_CPUID_H
#define BERTH_HYPERVISOR_CPUID_H

#include "core/err.h"

/* Sets it for processor `index` of `cpus`. kvm, cpu: KVM's descriptors. Source: Intel SDM volume
 * 2A, CPUID; AMD APM volume 3, appendix E. */
int cpuid_set(int kvm, int cpu, unsigned index, unsigned cpus, struct err *e);

#endif
