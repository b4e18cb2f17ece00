// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_virtio_console.c: a terminal, and somebody at it. */
#include "device_world.h"

static void plug(void)
{
    struct vm *vm = &world.vm;
    struct err e;

    world_must(virtio_console_make(&vm->console, &world_machine, world_line(SOCK_STREAM), &e), &e);
    world.devices[world.n++] = &vm->console.virtio;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.n == 0)
        world_make(plug, false);
    world_run(data, size);
    return 0;
}
