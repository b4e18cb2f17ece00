// SPDX-License-Identifier: GPL-3.0-or-later
/* engine_kvm.h: berth's own monitor (src/hypervisor), which boots a kernel over /dev/kvm with the
 * disk's descriptors in its own hands: no server stands between guest and disk. */
#ifndef BERTH_ENGINE_ENGINE_KVM_H
#define BERTH_ENGINE_ENGINE_KVM_H

#include "engine/engine.h"

#define MONITOR_PROGRAM "berth-monitor"

/* Starts it. The descriptors in config stay the caller's. ERR_NOT_FOUND with a hint when the
 * monitor, or passt for the network, is not installed; ERR_USAGE for more processors or a longer
 * command line than it has. */
int engine_kvm_start(const struct engine_config *config, struct engine *engine, struct err *e);

#endif
