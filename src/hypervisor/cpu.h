// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * cpu.h: the guest's processors, each a thread that runs the guest and answers what it asks of
 * ports and addresses. All of them can be held still between two instructions.
 */
#ifndef BERTH_HYPERVISOR_CPU_H
#define BERTH_HYPERVISOR_CPU_H

#include "hypervisor/bus.h"
#include "hypervisor/machine.h"
#include "hypervisor/outcome.h"

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>

struct cpus;

struct cpu {
    int fd;
    unsigned index;
    struct kvm_run *run; /* shared with KVM */
    pthread_t thread;
    struct cpus *all;
};

struct cpus {
    struct cpu each[CPUS_MAX];
    unsigned n;
    const struct bus *ports, *mmio;
    struct outcome *outcome;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held;
    unsigned still;                         /* threads that stand still because of `held` */
    int (*enter)(void *arg, struct err *e); /* each thread's way into its sandbox, or NULL */
    void *enter_arg;
    pthread_barrier_t entered; /* no thread runs the guest before all and the loop are here */
};

/* What the first processor starts with; the others wait for it to start them. */
struct cpu_start {
    uint64_t entry, boot_params, stack, page_tables, gdt;
};

/* Makes n of them. kvm, vm: KVM's descriptors. */
int cpus_make(struct cpus *cpus, unsigned n, int kvm, int vm, const struct cpu_start *start,
              struct err *e);

/* Starts their threads, which wait for cpus_go. */
int cpus_start(struct cpus *cpus, struct err *e);

/* Lets them run, once all have entered. */
void cpus_go(struct cpus *cpus);

/* Holds all of them still, and lets them go on. From the device loop. */
void cpus_hold(struct cpus *cpus);
void cpus_release(struct cpus *cpus);

/* Waits until all threads have ended, which they do once there is an outcome. */
void cpus_join(struct cpus *cpus);

#endif
