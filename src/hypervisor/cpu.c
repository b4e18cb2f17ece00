// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * cpu.c: registers at the start, and the loop around KVM_RUN.
 *
 * A thread is called out of the guest by a signal whose handler does nothing; `immediate_exit`
 * closes the moment between looking and running. Source: Linux Documentation/virt/kvm/api.rst,
 * 4.10 (KVM_RUN), 5 (struct kvm_run); Linux Documentation/x86/boot.rst, "64-bit boot protocol".
 */
#include "hypervisor/cpu.h"
#include "hypervisor/cpu_state.h"
#include "hypervisor/cpuid.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define CALL_SIGNAL SIGUSR1

#define CODE_SELECTOR 0x10 /* as boot.c lays out the descriptor table */
#define DATA_SELECTOR 0x18
#define GDT_LIMIT     31
#define CR0_START     0x80000033 /* paging, protection, extension type, numeric error */
#define CR4_PAE       0x20
#define EFER_LONG     0x500
#define RFLAGS_START  2

#define MSR_MISC_ENABLE 0x1a0
#define FAST_STRINGS    1
#define LVT_LINT0       0x350
#define LVT_LINT1       0x360
#define LVT_EXTERNAL    0x700
#define LVT_NMI         0x400
#define STACK_BYTES     (256 * 1024)

/* ---- at the start ---- */

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool code)
{
    return (struct kvm_segment){.limit = ~0U,
                                .selector = selector,
                                .type = type,
                                .present = 1,
                                .s = 1,
                                .l = code,
                                .db = !code,
                                .g = 1};
}

/* Long mode, as the boot protocol wants it. */
static int set_registers(const struct cpu *cpu, const struct cpu_start *start, struct err *e)
{
    struct kvm_regs regs = {.rip = start->entry,
                            .rsi = start->boot_params,
                            .rsp = start->stack,
                            .rflags = RFLAGS_START};
    struct kvm_sregs sregs;

    if (ioctl(cpu->fd, KVM_GET_SREGS, &sregs) < 0)
        return err_errno(e, "the registers of processor 0");
    sregs.cs = segment(CODE_SELECTOR, 11, true);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment(DATA_SELECTOR, 3, false);
    sregs.gdt = (struct kvm_dtable){.base = start->gdt, .limit = GDT_LIMIT};
    sregs.cr3 = start->page_tables;
    sregs.cr4 = CR4_PAE;
    sregs.cr0 = CR0_START;
    sregs.efer = EFER_LONG;
    if (ioctl(cpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(cpu->fd, KVM_SET_REGS, &regs) < 0)
        return err_errno(e, "the registers of processor 0");
    return 0;
}

static void set_word(struct kvm_lapic_state *apic, unsigned at, uint32_t word)
{
    memcpy(apic->regs + at, &word, sizeof(word));
}

/* As firmware leaves it: the PIC's line on LINT0, NMI on LINT1. */
static int set_apic(const struct cpu *cpu, struct err *e)
{
    struct kvm_lapic_state apic;

    if (ioctl(cpu->fd, KVM_GET_LAPIC, &apic) < 0)
        return err_errno(e, "the interrupt controller of processor %u", cpu->index);
    set_word(&apic, LVT_LINT0, LVT_EXTERNAL);
    set_word(&apic, LVT_LINT1, LVT_NMI);
    if (ioctl(cpu->fd, KVM_SET_LAPIC, &apic) < 0)
        return err_errno(e, "the interrupt controller of processor %u", cpu->index);
    return 0;
}

static void set_msrs(const struct cpu *cpu)
{
    union cpu_msr msr = {
        .one = {.n = 1, .entry = {.index = MSR_MISC_ENABLE, .data = FAST_STRINGS}}};

    (void)ioctl(cpu->fd, KVM_SET_MSRS, &msr); /* only Intel's processors have it */
}

static int make_cpu(struct cpu *cpu, unsigned n, int kvm, int vm, struct err *e)
{
    int run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

    cpu->fd = ioctl(vm, KVM_CREATE_VCPU, cpu->index);
    if (cpu->fd < 0 || run_bytes < (int)sizeof(*cpu->run))
        return err_errno(e, "making processor %u", cpu->index);
    cpu->run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
    if (cpu->run == MAP_FAILED)
        return err_errno(e, "making processor %u", cpu->index);
    if (cpuid_set(kvm, cpu->fd, cpu->index, n, e) < 0 || set_apic(cpu, e) < 0)
        return -1;
    set_msrs(cpu);
    return 0;
}

int cpus_make(struct cpus *cpus, unsigned n, int kvm, int vm, const struct cpu_start *start,
              struct err *e)
{
    pthread_mutex_init(&cpus->lock, NULL);
    pthread_cond_init(&cpus->changed, NULL);
    cpus->n = n;
    for (unsigned i = 0; i < n; i++) {
        cpus->each[i].index = i;
        cpus->each[i].all = cpus;
        if (make_cpu(&cpus->each[i], n, kvm, vm, e) < 0)
            return -1;
    }
    return set_registers(&cpus->each[0], start, e);
}

/* ---- running ---- */

static void serve_port(const struct cpu *cpu)
{
    const struct kvm_run *run = cpu->run;
    uint8_t *data = (uint8_t *)cpu->run + run->io.data_offset;

    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
        if (run->io.direction == KVM_EXIT_IO_OUT)
            bus_write(cpu->all->ports, run->io.port, data, run->io.size);
        else
            bus_read(cpu->all->ports, run->io.port, data, run->io.size);
}

static void serve_address(const struct cpu *cpu)
{
    struct kvm_run *run = cpu->run;

    if (run->mmio.is_write)
        bus_write(cpu->all->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
    else
        bus_read(cpu->all->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
}

static void crash(const struct cpu *cpu, const char *what, uint64_t detail)
{
    char why[120];

    snprintf(why, sizeof(why), "processor %u: %s (%#llx)", cpu->index, what,
             (unsigned long long)detail);
    outcome_set(cpu->all->outcome, ENDING_CRASH, why);
}

static void serve_exit(const struct cpu *cpu)
{
    const struct kvm_run *run = cpu->run;

    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        serve_port(cpu);
        break;
    case KVM_EXIT_MMIO:
        serve_address(cpu);
        break;
    case KVM_EXIT_INTR:
        break;
    case KVM_EXIT_SHUTDOWN:
        outcome_set(cpu->all->outcome, ENDING_CRASH, "a triple fault");
        break;
    case KVM_EXIT_FAIL_ENTRY:
        crash(cpu, "cannot run the guest", run->fail_entry.hardware_entry_failure_reason);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        crash(cpu, "KVM cannot run what the guest does", run->internal.suberror);
        break;
    default:
        crash(cpu, "an exit nobody knows", run->exit_reason);
    }
}

static bool running(const struct cpus *cpus)
{
    return cpus->outcome->ending < 0;
}

/* Between two runs: stands still as long as all are held. */
static void stand_still(struct cpus *cpus)
{
    pthread_mutex_lock(&cpus->lock);
    cpus->still++;
    pthread_cond_broadcast(&cpus->changed);
    while (cpus->held && running(cpus))
        pthread_cond_wait(&cpus->changed, &cpus->lock);
    cpus->still--;
    pthread_mutex_unlock(&cpus->lock);
}

/* A thread stands still only when KVM_RUN has said so: by then the instruction that it was called
 * out of has got its answer. */
static void run_guest(struct cpu *cpu)
{
    struct cpus *cpus = cpu->all;

    while (running(cpus)) {
        if (ioctl(cpu->fd, KVM_RUN, 0) == 0) {
            serve_exit(cpu);
        } else if (errno != EINTR && errno != EAGAIN) {
            crash(cpu, "KVM_RUN failed", (uint64_t)errno);
        } else if (__atomic_exchange_n(&cpu->run->immediate_exit, 0, __ATOMIC_ACQ_REL) != 0) {
            stand_still(cpus);
        }
    }
}

static void *thread_main(void *arg)
{
    struct cpu *cpu = arg;
    struct err err;

    if (cpu->all->enter != NULL && cpu->all->enter(cpu->all->enter_arg, &err) < 0)
        outcome_set(cpu->all->outcome, ENDING_FAILED, err.text);
    cpus_go(cpu->all);
    run_guest(cpu);
    return NULL;
}

void cpus_go(struct cpus *cpus)
{
    (void)pthread_barrier_wait(&cpus->entered);
}

static void ignore(int signal)
{
    (void)signal;
}

int cpus_start(struct cpus *cpus, struct err *e)
{
    struct sigaction action = {.sa_handler = ignore};
    pthread_attr_t attributes;

    sigaction(CALL_SIGNAL, &action, NULL);
    pthread_barrier_init(&cpus->entered, NULL, cpus->n + 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (unsigned i = 0; i < cpus->n; i++) {
        errno = pthread_create(&cpus->each[i].thread, &attributes, thread_main, &cpus->each[i]);
        if (errno != 0)
            return err_errno(e, "starting processor %u", i);
    }
    return 0;
}

static void call_out(struct cpus *cpus)
{
    for (unsigned i = 0; i < cpus->n; i++) {
        __atomic_store_n(&cpus->each[i].run->immediate_exit, 1, __ATOMIC_RELEASE);
        pthread_kill(cpus->each[i].thread, CALL_SIGNAL);
    }
}

void cpus_hold(struct cpus *cpus)
{
    pthread_mutex_lock(&cpus->lock);
    cpus->held = true;
    call_out(cpus);
    while (cpus->still < cpus->n && running(cpus))
        pthread_cond_wait(&cpus->changed, &cpus->lock);
    pthread_mutex_unlock(&cpus->lock);
}

void cpus_release(struct cpus *cpus)
{
    pthread_mutex_lock(&cpus->lock);
    cpus->held = false;
    pthread_cond_broadcast(&cpus->changed);
    pthread_mutex_unlock(&cpus->lock);
}

void cpus_join(struct cpus *cpus)
{
    cpus_release(cpus);
    call_out(cpus);
    for (unsigned i = 0; i < cpus->n; i++)
        pthread_join(cpus->each[i].thread, NULL);
}
