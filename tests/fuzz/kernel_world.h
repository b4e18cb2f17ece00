// SPDX-License-Identifier: GPL-3.0-or-later
/* kernel_world.h: loads the input as a kernel into a small memory, for the fuzzers of kernels. */
#ifndef BERTH_TESTS_KERNEL_WORLD_H
#define BERTH_TESTS_KERNEL_WORLD_H

#include "hypervisor/boot.h"
#include "hypervisor/kernel.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define KERNEL_MEMORY (16U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct memory kernel_memory;

/* A file with these bytes, at the descriptor that the last one had. */
static inline int kernel_file(const uint8_t *data, size_t size)
{
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("kernel", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return fd;
}

/* Nothing of the last kernel is left; behind the memory there is none. */
static inline void kernel_memory_empty(void)
{
    struct err e;

    if (kernel_memory.base == NULL &&
        (memory_make(&kernel_memory, KERNEL_MEMORY, &e) < 0 ||
         mprotect(kernel_memory.base + KERNEL_MEMORY, MEMORY_PAGE, PROT_NONE) < 0))
        abort();
    if (madvise(kernel_memory.base, KERNEL_MEMORY, MADV_NOHUGEPAGE) < 0 ||
        madvise(kernel_memory.base, KERNEL_MEMORY, MADV_DONTNEED) < 0)
        abort();
}

/* Alone, with itself as an initrd, and with itself as what is packed in it. What starts, starts in
 * memory. */
static inline void kernel_load(const uint8_t *data, size_t size, uint8_t place_byte)
{
    static const uint8_t seed[BOOT_SEED_BYTES] = {1};
    const uint8_t place[BOOT_PLACE_BYTES] = {place_byte, 1, [8] = place_byte, 2};
    struct boot_files files = {.kernel = kernel_file(data, size),
                               .payload = -1,
                               .initrd = -1,
                               .command_line = "quiet",
                               .seed = seed,
                               .place = place};
    struct cpu_start start;
    struct err e;

    kernel_memory_empty();
    if (boot_load(&kernel_memory, &files, &start, &e) < 0)
        return;
    if (memory_read_at(&kernel_memory, start.entry, 1) == NULL)
        abort();
    files.initrd = files.kernel;
    (void)boot_load(&kernel_memory, &files, &start, &e);
    files.payload = files.kernel;
    (void)boot_load(&kernel_memory, &files, &start, &e);
}

#endif
