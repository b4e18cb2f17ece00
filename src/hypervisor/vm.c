// SPDX-License-Identifier: GPL-3.0-or-later
/* vm.c: puts the parts together. */
#include "hypervisor/vm.h"
#include "hypervisor/acpi.h"
#include "hypervisor/control.h"
#include "hypervisor/save.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- making it ---- */

static int make_kvm(struct vm *vm, struct err *e)
{
    uint64_t identity = KVM_IDENTITY;

    vm->fd = ioctl(vm->description->kvm, KVM_CREATE_VM, 0);
    if (vm->fd < 0)
        return err_errno(e, "/dev/kvm: making a machine");
    if (ioctl(vm->fd, KVM_SET_TSS_ADDR, KVM_TSS) < 0 ||
        ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
        ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
        return err_errno(e, "/dev/kvm: making interrupt controllers");
    return 0;
}

static int make_memory(struct vm *vm, struct err *e)
{
    const struct description *d = vm->description;

    if (memory_make(&vm->memory, d->memory, e) < 0 || memory_register(&vm->memory, vm->fd, e) < 0)
        return -1;
    if (!memory_put(&vm->memory, GENERATION_ID, d->generation, sizeof(d->generation)))
        return err_set(e, ERR_FAILED, "no memory for the generation id");
    return acpi_write(&vm->memory, d->cpus, e);
}

static int make_block(struct vm *vm, const struct virtio_machine *machine, struct err *e)
{
    const struct description *d = vm->description;

    if (d->disk_bytes == 0)
        return 0;
    vm->block.storage = (struct storage){.ranges = d->ranges,
                                         .n_ranges = d->n_ranges,
                                         .bytes = d->disk_bytes,
                                         .sector = d->sector,
                                         .read_only = d->read_only != 0};
    storage_look(&vm->block.storage);
    if (d->overlay >= 0 && storage_overlay(&vm->block.storage, d->overlay, d->overlay_map, e) < 0)
        return -1;
    return virtio_make(&vm->block.virtio, machine, &virtio_block_ops, &vm->block, e);
}

static int make_virtio(struct vm *vm, struct err *e)
{
    const struct description *d = vm->description;
    struct virtio_machine machine = {vm->fd, &vm->memory, &vm->pci, &vm->loop};

    if (make_block(vm, &machine, e) < 0)
        return -1;
    if (d->net >= 0 && virtio_net_make(&vm->net, &machine, d->net,
                                       d->net_kind == DESCRIPTION_NET_STREAM, d->mac, e) < 0)
        return -1;
    if (d->console >= 0 && virtio_console_make(&vm->console, &machine, d->console, e) < 0)
        return -1;
    return d->rng != 0 ? virtio_make(&vm->rng, &machine, &virtio_rng_ops, NULL, e) : 0;
}

static int make_devices(struct vm *vm, struct err *e)
{
    if (outcome_make(&vm->outcome, e) < 0 || loop_make(&vm->loop, e) < 0 ||
        serial_make(&vm->serial, vm->fd, vm->description->serial, &vm->ports, &vm->loop, e) < 0)
        return -1;
    rtc_make(&vm->rtc, &vm->ports);
    power_make(&vm->power, vm->fd, &vm->outcome, &vm->ports);
    if (pci_make(&vm->pci, vm->fd, &vm->mmio, e) < 0)
        return -1;
    return make_virtio(vm, e);
}

static int load_kernel(const struct vm *vm, struct cpu_start *start, struct err *e)
{
    const struct description *d = vm->description;
    const struct boot_files files = {.kernel = d->kernel,
                                     .payload = d->payload,
                                     .initrd = d->initrd,
                                     .command_line = d->command_line,
                                     .seed = d->seed,
                                     .place = d->place};

    return boot_load(&vm->memory, &files, start, e);
}

static int make_cpus(struct vm *vm, struct err *e)
{
    const struct description *d = vm->description;
    struct cpu_start start = {.entry = 0};

    if (!d->restore && load_kernel(vm, &start, e) < 0)
        return -1;
    vm->cpus.ports = &vm->ports;
    vm->cpus.mmio = &vm->mmio;
    vm->cpus.outcome = &vm->outcome;
    return cpus_make(&vm->cpus, d->cpus, d->kvm, vm->fd, &start, e);
}

/* The guest is another copy of what was saved, and may want to know. */
static int restore(struct vm *vm, struct err *e)
{
    const struct description *d = vm->description;

    if (load_machine(vm, d->state, e) < 0)
        return -1;
    (void)memory_put(&vm->memory, GENERATION_ID, d->generation, sizeof(d->generation));
    power_new_generation(&vm->power);
    return 0;
}

/* ---- the supervisor's socket ---- */

static void say(const struct vm *vm, enum control_kind kind, uint32_t lacks, const char *text)
{
    struct control_packet packet = {.kind = kind, .ending = vm->outcome.ending, .lacks = lacks};

    memcpy(packet.text, text, strnlen(text, sizeof(packet.text) - 1));
    (void)send(vm->description->control, &packet, sizeof(packet), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void save(struct vm *vm)
{
    struct err err = {.text = "there is no file for it"};

    cpus_hold(&vm->cpus);
    if (vm->description->state >= 0 && save_machine(vm, vm->description->state, &err) == 0)
        err.text[0] = '\0';
    say(vm, CONTROL_SAVED, 0, err.text);
}

static void obey(struct vm *vm, const struct control_packet *packet)
{
    switch (packet->kind) {
    case CONTROL_PRESS:
        power_press(&vm->power);
        break;
    case CONTROL_WINDOW:
        if (vm->description->console >= 0)
            virtio_console_resize(&vm->console, packet->columns, packet->rows);
        break;
    case CONTROL_HOLD:
        cpus_hold(&vm->cpus);
        say(vm, CONTROL_HELD, 0, "");
        break;
    case CONTROL_SAVE:
        save(vm);
        break;
    case CONTROL_RELEASE:
        cpus_release(&vm->cpus);
        break;
    case CONTROL_END:
        outcome_set(&vm->outcome, ENDING_OFF, NULL);
        break;
    }
}

static void control_ready(void *arg, uint32_t events)
{
    struct vm *vm = arg;
    struct control_packet packet;
    ssize_t got = recv(vm->control.fd, &packet, sizeof(packet), MSG_DONTWAIT);

    (void)events;
    if (got == sizeof(packet))
        obey(vm, &packet);
    else if (got == 0)
        loop_change(&vm->loop, &vm->control, 0);
}

static void ended_ready(void *arg, uint32_t events)
{
    (void)arg, (void)events; /* the loop looks at the outcome itself */
}

/* SIGTERM presses the power button: a guest whose supervisor was killed still hears its host. */
static void signals_ready(void *arg, uint32_t events)
{
    struct vm *vm = arg;
    struct signalfd_siginfo info;

    (void)events;
    if (read(vm->signals.fd, &info, sizeof(info)) == sizeof(info))
        power_press(&vm->power);
}

static int make_signals(struct vm *vm, struct err *e)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_errno(e, "blocking signals");
    vm->signals =
        (struct loop_source){signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), signals_ready, vm, 0};
    if (vm->signals.fd < 0)
        return err_errno(e, "watching signals");
    return loop_add(&vm->loop, &vm->signals, EPOLLIN, e);
}

static int make_control(struct vm *vm, struct err *e)
{
    vm->ended = (struct loop_source){vm->outcome.wake, ended_ready, vm, 0};
    vm->control = (struct loop_source){vm->description->control, control_ready, vm, 0};
    if (make_signals(vm, e) < 0 || loop_add(&vm->loop, &vm->ended, EPOLLIN, e) < 0)
        return -1;
    return loop_add(&vm->loop, &vm->control, EPOLLIN, e);
}

/* ---- all of it ---- */

int vm_make(struct vm *vm, const struct description *description, struct err *e)
{
    vm->description = description;
    if (make_kvm(vm, e) < 0 || make_memory(vm, e) < 0 || make_devices(vm, e) < 0 ||
        make_control(vm, e) < 0 || make_cpus(vm, e) < 0)
        return -1;
    return description->restore ? restore(vm, e) : 0;
}

enum ending vm_run(struct vm *vm, const struct vm_entry *entry, struct err *e)
{
    vm->cpus.enter = entry->cpu;
    vm->cpus.enter_arg = entry->arg;
    if (cpus_start(&vm->cpus, e) < 0) {
        say(vm, CONTROL_ENDED, 0, e->text);
        return ENDING_FAILED;
    }
    if (entry->loop != NULL && entry->loop(entry->arg, e) < 0)
        outcome_set(&vm->outcome, ENDING_FAILED, e->text);
    cpus_go(&vm->cpus);
    say(vm, CONTROL_RUNNING, entry->lacks, "");
    loop_run(&vm->loop, &vm->outcome.ending);
    cpus_join(&vm->cpus);
    serial_finish(&vm->serial);
    (void)storage_flush(&vm->block.storage);
    say(vm, CONTROL_ENDED, 0, vm->outcome.why);
    return (enum ending)vm->outcome.ending;
}
