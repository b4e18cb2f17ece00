// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * vm.h: one machine: everything it is made of, in one struct, and its life: made, entered, run.
 */
#ifndef BERTH_HYPERVISOR_VM_H
#define BERTH_HYPERVISOR_VM_H

#include "hypervisor/cpu.h"
#include "hypervisor/description.h"
#include "hypervisor/power.h"
#include "hypervisor/rtc.h"
#include "hypervisor/serial.h"
#include "hypervisor/virtio_block.h"
#include "hypervisor/virtio_console.h"
#include "hypervisor/virtio_net.h"

struct vm {
    const struct description *description;
    int fd; /* KVM's, of the machine */
    struct memory memory;
    struct bus ports, mmio;
    struct outcome outcome;
    struct loop loop;
    struct loop_source ended, control, signals;
    struct cpus cpus;

    struct serial serial;
    struct rtc rtc;
    struct power power;
    struct pci pci;
    struct virtio_block block;
    struct virtio_net net;
    struct virtio_console console;
    struct virtio rng;
};

/* Makes the machine of a description that was checked, up to the moment before its first
 * instruction. vm is zeroed, and large: not for a stack. */
int vm_make(struct vm *vm, const struct description *description, struct err *e);

/* What each thread does once it has started, before any processor runs. */
struct vm_entry {
    int (*cpu)(void *arg, struct err *e);  /* a processor's; NULL: nothing */
    int (*loop)(void *arg, struct err *e); /* the device loop's, which is the caller's; or NULL */
    void *arg;
    uint32_t lacks; /* for the supervisor: control.h */
};

/* Runs it to its end. Returns how it ended; the supervisor is told the same with the reason. */
enum ending vm_run(struct vm *vm, const struct vm_entry *entry, struct err *e);

#endif
