// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_elf.c: any bytes as an ELF kernel with relocations at its end; the first says where chance
 * puts it. */
#include "kernel_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        kernel_load(data + 1, size - 1, data[0]);
    return 0;
}
