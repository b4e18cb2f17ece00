// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_bzimage.c: any bytes behind a boot sector's marks as a bzImage. */
#include "kernel_world.h"

#include <string.h>

#define MARKS_AT   0x1fe /* boot flag, jump, magic */
#define VERSION_AT 0x206
#define FLAGS_AT   0x236
#define BYTES_MAX  (1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t marks[] = {0x55, 0xaa, 0xeb, 0x6a, 'H', 'd', 'r', 'S'};
    static uint8_t kernel[BYTES_MAX];

    kernel_load(data, size, 7);
    if (size < FLAGS_AT + 2 || size > BYTES_MAX)
        return 0;
    memcpy(kernel, data, size);
    memcpy(kernel + MARKS_AT, marks, sizeof(marks));
    kernel[VERSION_AT + 1] = 2;
    kernel[VERSION_AT] |= 0x0c;
    kernel[FLAGS_AT] |= XLF_KERNEL_64;
    kernel_load(kernel, size, 7);
    return 0;
}
