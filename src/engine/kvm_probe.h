// SPDX-License-Identifier: GPL-3.0-or-later
/* kvm_probe.h: whether /dev/kvm can boot a kernel, found out by trying. */
#ifndef BERTH_ENGINE_KVM_PROBE_H
#define BERTH_ENGINE_KVM_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#define KVM_WHY 256 /* bytes that hold every reason */

/* True when a guest runs under /dev/kvm with paging and takes an exception in ring 0, as every
 * kernel does in its first milliseconds; some back ends emulate ring 0 and cannot. Otherwise why
 * says what is missing, and who may not open it which group may. Takes a few milliseconds, two
 * seconds at most; that it works is remembered in the runtime folder until the host boots again. */
bool engine_kvm_usable(char *why, size_t len);

#endif
