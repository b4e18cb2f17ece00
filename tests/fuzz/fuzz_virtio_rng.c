// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_virtio_rng.c: the device of randomness, and with it what all devices have in common. */
#include "device_world.h"

static void plug(void)
{
    struct err e;

    world_must(virtio_make(&world.vm.rng, &world_machine, &virtio_rng_ops, NULL, &e), &e);
    world.devices[world.n++] = &world.vm.rng;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.n == 0)
        world_make(plug, false);
    world_run(data, size);
    return 0;
}
