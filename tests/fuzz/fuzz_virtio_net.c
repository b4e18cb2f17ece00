// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_virtio_net.c: two cards, one on a stream, one on a descriptor whose every read is a frame.
 * The outside is as hostile as the guest. */
#include "device_world.h"

static void plug(void)
{
    static const uint8_t mac[NET_MAC] = {0x52, 0x54, 0, 1, 2, 3};
    struct vm *vm = &world.vm;
    struct err e;

    world_must(virtio_net_make(&vm->net, &world_machine, world_line(SOCK_STREAM), true, mac, &e),
               &e);
    world_must(
        virtio_net_make(&world.tap, &world_machine, world_line(SOCK_SEQPACKET), false, mac, &e),
        &e);
    world.devices[world.n++] = &vm->net.virtio;
    world.devices[world.n++] = &world.tap.virtio;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.n == 0)
        world_make(plug, false);
    world_run(data, size);
    return 0;
}
