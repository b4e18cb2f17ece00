// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_ports.c: serial line, clock, power and panic ports. */
#include "device_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world_space == NULL)
        world_make(NULL, true);
    world_run(data, size);
    return 0;
}
