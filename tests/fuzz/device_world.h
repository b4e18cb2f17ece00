// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * device_world.h: a machine without processors, for the fuzzers of devices. The input is what a
 * guest and the outside do: a row of acts, each a byte that says which and what belongs to it.
 *
 * The machine is made once and put back before each input. KVM is not asked: its requests succeed
 * and do nothing. Behind the guest's memory is none, so that a step too far is seen, and around the
 * disk's window are bytes that must stay.
 */
#ifndef BERTH_TESTS_DEVICE_WORLD_H
#define BERTH_TESTS_DEVICE_WORLD_H

#include "hypervisor/machine.h"
#include "hypervisor/vm.h"

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORLD_MEMORY  (2 << 20) /* bytes; half of them below the hole */
#define WORLD_DEVICES 4
#define WORLD_LINES   4
#define WORLD_TURNS   3 /* of the loop: one may be spent before the others come */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the input ---- */

struct input {
    const uint8_t *at;
    size_t left;
};

/* The next n bytes as a number; zeros behind the end. */
static inline uint64_t take(struct input *in, unsigned n)
{
    uint64_t number = 0;
    size_t there = n < in->left ? n : in->left;

    memcpy(&number, in->at, there);
    in->at += there;
    in->left -= there;
    return number;
}

/* A guest address in four bytes: low memory and the hole behind it, what is above 4 GiB, or what
 * wraps around. */
static inline uint64_t take_address(struct input *in)
{
    uint32_t number = (uint32_t)take(in, 4);

    if ((number & 1U << 31) != 0)
        return HOLE_END + (number & 0x1fffff);
    if ((number & 1U << 30) != 0)
        return ~(uint64_t)0 - (number & 0xffff);
    return number & 0x1fffff;
}

/* ---- the machine ---- */

struct world {
    struct vm vm;
    struct virtio_net tap;       /* beside the vm's own, which is on a stream */
    struct virtio_block overlay; /* beside the vm's own, which writes through */
    struct virtio *devices[WORLD_DEVICES];
    unsigned n;
    int outside[WORLD_LINES]; /* the other ends of lines */
    unsigned n_outside;
    uint64_t rings[WORLD_DEVICES][VIRTIO_QUEUES]; /* where act_set_up has put them */
    struct loop_source stop;
    _Atomic int stopped;
    int turns;
};

static struct world world, world_as_made;
static uint8_t *world_space; /* PCI's, as it was made */
static struct virtio_machine world_machine;

int ioctl(int fd, unsigned long request, ...);
int ioctl(int fd, unsigned long request, ...)
{
    (void)fd, (void)request;
    return 0;
}

static inline void world_must(int result, const struct err *e)
{
    if (result >= 0)
        return;
    fprintf(stderr, "%s\n", e->text);
    abort();
}

static inline void world_stop(void *arg, uint32_t events)
{
    (void)arg, (void)events;
    if (--world.turns <= 0)
        world.stopped = 0;
}

/* A line's end for a device; the other is the outside. */
static inline int world_line(int type)
{
    int ends[2];

    if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        abort();
    world.outside[world.n_outside++] = ends[1];
    return ends[0];
}

static inline void world_make_memory(void)
{
    struct memory *memory = &world.vm.memory;
    struct err e;

    world_must(memory_make(memory, WORLD_MEMORY, &e), &e);
    memory->low = WORLD_MEMORY / 2;
    world_must(memory_track(memory, &e), &e);
    if (mprotect(memory->base + WORLD_MEMORY, MEMORY_PAGE, PROT_NONE) < 0)
        abort();
}

/* Everything but virtio devices, which `plug` makes. serial: whether somebody is on that line. */
static inline void world_make(void (*plug)(void), bool serial)
{
    struct vm *vm = &world.vm;
    struct err e;

    world_make_memory();
    world_must(outcome_make(&vm->outcome, &e), &e);
    world_must(loop_make(&vm->loop, &e), &e);
    world.stop = (struct loop_source){eventfd(1, EFD_CLOEXEC), world_stop, NULL, 0};
    world_must(loop_add(&vm->loop, &world.stop, EPOLLIN, &e), &e);
    world_must(serial_make(&vm->serial, -1, serial ? world_line(SOCK_STREAM) : -1, &vm->ports,
                           &vm->loop, &e),
               &e);
    rtc_make(&vm->rtc, &vm->ports);
    power_make(&vm->power, -1, &vm->outcome, &vm->ports);
    world_must(pci_make(&vm->pci, -1, &vm->mmio, &e), &e);
    world_machine = (struct virtio_machine){-1, &vm->memory, &vm->pci, &vm->loop};
    if (plug != NULL)
        plug();
    world_space = malloc(PCI_SLOTS * 0x8000);
    if (world_space == NULL)
        abort();
    memcpy(world_space, vm->pci.space, PCI_SLOTS * 0x8000);
    world_as_made = world;
}

/* Lets the device loop do what there is to do. */
static inline void world_turn(void)
{
    world.turns = WORLD_TURNS;
    world.stopped = -1;
    loop_run(&world.vm.loop, &world.stopped);
}

static inline void world_drain(void)
{
    static uint8_t bytes[1 << 17];

    for (unsigned i = 0; i < world.n_outside; i++)
        while (recv(world.outside[i], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
            ;
}

/* What is waited for is known to the kernel too. */
static inline void world_quiet(struct loop_source *now, const struct loop_source *then)
{
    uint8_t bytes[4096];

    if (now->fd <= 0)
        return;
    while (recv(now->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    loop_change(&world.vm.loop, now, then->events);
}

static inline void world_put_back(void)
{
    struct memory *memory = &world.vm.memory;

    world_drain();
    world_quiet(&world.vm.serial.line, &world_as_made.vm.serial.line);
    world_quiet(&world.vm.net.line, &world_as_made.vm.net.line);
    world_quiet(&world.tap.line, &world_as_made.tap.line);
    world_quiet(&world.vm.console.line, &world_as_made.vm.console.line);
    for (uint64_t page = 0; page < WORLD_MEMORY / MEMORY_PAGE; page++)
        if ((memory->dirty[page / 64] >> page % 64 & 1) != 0)
            memset(memory->base + page * MEMORY_PAGE, 0, MEMORY_PAGE);
    memset(memory->dirty, 0, WORLD_MEMORY / MEMORY_PAGE / 8);
    world = world_as_made;
    memcpy(world.vm.pci.space, world_space, PCI_SLOTS * 0x8000);
}

/* ---- what a guest does ---- */

static inline void world_write(uint64_t address, uint64_t value, unsigned n)
{
    bus_write(&world.vm.mmio, address, (uint8_t *)&value, n);
}

static inline void world_read(uint64_t address, unsigned n)
{
    uint8_t data[8];

    bus_read(&world.vm.mmio, address, data, n);
}

static inline void act_port(struct input *in)
{
    uint16_t port = (uint16_t)take(in, 2);
    unsigned n = 1U << (take(in, 1) & 1);
    uint64_t value = take(in, n);
    uint8_t data[8];

    bus_write(&world.vm.ports, port, (uint8_t *)&value, n);
    bus_read(&world.vm.ports, port, data, n);
}

/* Of a slot's configuration space: written and read. */
static inline void act_config(struct input *in)
{
    uint64_t address = ECAM_BASE + take(in, 1) % (PCI_SLOTS + 1) * 0x8000 + take(in, 2);
    unsigned n = (unsigned)take(in, 1) % 8 + 1;

    world_write(address, take(in, n), n);
    world_read(address, n);
}

/* Anywhere in the windows. */
static inline void act_window(struct input *in)
{
    uint64_t address = PCI_WINDOW + take(in, 3) % (PCI_SLOTS * 2 * PCI_BAR);
    unsigned n = (unsigned)take(in, 1);

    if ((n & 0x80) != 0)
        world_read(address, n % 8 + 1);
    else
        world_write(address, take(in, n % 8 + 1), n % 8 + 1);
}

static inline void act_memory(struct input *in)
{
    uint64_t address = take_address(in);
    size_t n = take(in, 1);

    n = n < in->left ? n : in->left;
    (void)memory_put(&world.vm.memory, address, in->at, n);
    in->at += n;
    in->left -= n;
}

static inline struct virtio *take_device(struct input *in, unsigned *which)
{
    *which = (unsigned)take(in, 1) % (world.n > 0 ? world.n : 1);
    return world.devices[*which];
}

static inline uint64_t world_register(const struct virtio *virtio, size_t at)
{
    return virtio->pci.window + at;
}

#define COMMON(member) offsetof(struct virtio_pci_common_cfg, member)

/* As a driver does, so that not every input has to find out how. */
static inline void act_set_up(struct input *in)
{
    static const uint8_t statuses[] = {0, 1, 3};
    unsigned which;
    struct virtio *virtio = take_device(in, &which);
    uint64_t size = 1ULL << take(in, 1) % 9;
    uint32_t refused = (uint32_t)take(in, 4); /* features */

    if (virtio == NULL)
        return;
    world_write(ECAM_BASE + (which + 1) * 0x8000 + 4, 6, 2);
    for (unsigned i = 0; i < sizeof(statuses); i++)
        world_write(world_register(virtio, COMMON(device_status)), statuses[i], 1);
    for (uint32_t half = 0; half < 2; half++) {
        uint64_t offered = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC |
                           1ULL << VIRTIO_RING_F_EVENT_IDX | virtio->ops->features(virtio->device);

        world_write(world_register(virtio, COMMON(guest_feature_select)), half, 4);
        world_write(world_register(virtio, COMMON(guest_feature)),
                    half == 0 ? offered & ~(uint64_t)refused : offered >> 32, 4);
    }
    world_write(world_register(virtio, COMMON(device_status)), 11, 1);
    for (uint16_t queue = 0; queue < virtio->ops->n_queues; queue++) {
        uint64_t at = world.rings[which][queue] = take(in, 1) * MEMORY_PAGE;

        world_write(world_register(virtio, COMMON(queue_select)), queue, 2);
        world_write(world_register(virtio, COMMON(queue_size)), size, 2);
        world_write(world_register(virtio, COMMON(queue_desc_lo)), at, 4);
        world_write(world_register(virtio, COMMON(queue_avail_lo)), at + MEMORY_PAGE, 4);
        world_write(world_register(virtio, COMMON(queue_used_lo)), at + 2 * MEMORY_PAGE, 4);
        world_write(world_register(virtio, COMMON(queue_msix_vector)), queue + 1U, 2);
        world_write(world_register(virtio, COMMON(queue_enable)), 1, 2);
    }
    world_write(world_register(virtio, COMMON(device_status)), 15, 1);
}

static inline void act_describe(struct input *in)
{
    unsigned which, queue, i;
    struct vring_desc d;

    (void)take_device(in, &which);
    queue = (unsigned)take(in, 1) % VIRTIO_QUEUES;
    i = (unsigned)take(in, 1);
    d.addr = take_address(in);
    d.len = (uint32_t)take(in, 4);
    d.flags = (uint16_t)take(in, 1);
    d.next = (uint16_t)take(in, 1);
    (void)memory_put(&world.vm.memory, world.rings[which][queue] + i * sizeof(d), &d, sizeof(d));
}

/* Makes a request available, and notifies. */
static inline void act_offer(struct input *in)
{
    unsigned which;
    struct virtio *virtio = take_device(in, &which);
    unsigned queue = (unsigned)take(in, 1) % VIRTIO_QUEUES;
    uint16_t head = (uint16_t)take(in, 1), index = 0;
    uint64_t ring = world.rings[which][queue] + MEMORY_PAGE;

    if (virtio == NULL || virtio->state.queues[queue].size == 0)
        return;
    (void)memory_get(&world.vm.memory, ring + 2, &index, sizeof(index));
    (void)memory_put(&world.vm.memory, ring + 4 + index % virtio->state.queues[queue].size * 2U,
                     &head, sizeof(head));
    index++;
    (void)memory_put(&world.vm.memory, ring + 2, &index, sizeof(index));
    world_write(world_register(virtio, 0x3000 + queue * 4), queue, 2);
    world_turn();
}

/* ---- what the outside does ---- */

static inline void act_outside(struct input *in)
{
    size_t line = take(in, 1), n = take(in, 3);

    n = n < in->left ? n : in->left;
    if (world.n_outside > 0)
        (void)!send(world.outside[line % world.n_outside], in->at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    in->at += n;
    in->left -= n;
    world_turn();
}

static inline void act_hear(struct input *in)
{
    (void)in;
    world_drain();
    world_turn();
}

static inline void act_press(struct input *in)
{
    (void)in;
    power_press(&world.vm.power);
    power_new_generation(&world.vm.power);
    if (world.vm.console.virtio.ops != NULL)
        virtio_console_resize(&world.vm.console, 80, 25);
}

/* Puts the world back and does everything the input says in it. */
static inline void world_run(const uint8_t *data, size_t size)
{
    static void (*const acts[])(struct input *) = {
        act_port,     act_config, act_window,  act_memory, act_set_up,
        act_describe, act_offer,  act_outside, act_hear,   act_press,
    };
    struct input in = {data, size};

    world_put_back();
    while (in.left > 0)
        acts[take(&in, 1) % (sizeof(acts) / sizeof(acts[0]))](&in);
    world_turn();
}

#endif
