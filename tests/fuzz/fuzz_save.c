// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_save.c: any bytes as a saved machine with every device. One that is taken goes on: its
 * registers are read and written, its queues served. */
#include "device_world.h"

#include "hypervisor/save.h"

static struct storage_range range = {.bytes = 65536};
static int file;

static void plug(void)
{
    static const uint8_t mac[NET_MAC] = {0x52, 0x54, 0, 1, 2, 3};
    static struct description description;
    struct virtio_machine *machine = &world_machine;
    struct vm *vm = &world.vm;
    struct err e;

    file = memfd_create("state", MFD_CLOEXEC);
    range.fd = memfd_create("disk", MFD_CLOEXEC);
    if (file < 0 || range.fd < 0 || ftruncate(range.fd, (off_t)range.bytes) < 0)
        abort();
    vm->description = &description;
    vm->cpus.n = 1;
    vm->block.storage =
        (struct storage){.ranges = &range, .n_ranges = 1, .bytes = range.bytes, .sector = 512};
    world_must(virtio_make(&vm->block.virtio, machine, &virtio_block_ops, &vm->block, &e), &e);
    world_must(virtio_net_make(&vm->net, machine, world_line(SOCK_STREAM), true, mac, &e), &e);
    world_must(virtio_console_make(&vm->console, machine, world_line(SOCK_STREAM), &e), &e);
    world_must(virtio_make(&vm->rng, machine, &virtio_rng_ops, NULL, &e), &e);
    world.devices[world.n++] = &vm->block.virtio;
    world.devices[world.n++] = &vm->net.virtio;
    world.devices[world.n++] = &vm->console.virtio;
    world.devices[world.n++] = &vm->rng;
}

/* What a guest that goes on may do at any moment. */
static void go_on(void)
{
    uint8_t byte = 'x';

    (void)!send(world.outside[0], "hello, guest, who is there?", 27, MSG_DONTWAIT);
    (void)!send(world.outside[2], "hello", 5, MSG_DONTWAIT);
    world_turn();
    for (unsigned port = 0; port < 0x700; port++)
        bus_read(&world.vm.ports, port, &byte, 1);
    for (unsigned port = 0; port < 0x700; port++)
        bus_write(&world.vm.ports, port, &byte, 1);
    for (unsigned slot = 1; slot <= world.n; slot++)
        world_write(ECAM_BASE + slot * 0x8000 + 4, 6, 2);
    for (uint64_t at = PCI_WINDOW; at < PCI_WINDOW + 6 * PCI_BAR; at += 256)
        world_read(at, 4);
    for (uint64_t at = PCI_WINDOW; at < PCI_WINDOW + 6 * PCI_BAR; at += PCI_BAR)
        world_write(at + 0x3000, 0, 2);
    world_turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;

    if (world_space == NULL)
        world_make(plug, true);
    world_put_back();
    if (ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    if (load_machine(&world.vm, file, &e) == 0)
        go_on();
    return 0;
}
