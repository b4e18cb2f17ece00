// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * boot.h: puts a Linux kernel, its initrd and what it is told into the guest's memory.
 *
 * Source: Linux Documentation/x86/boot.rst (64-bit boot protocol), Documentation/x86/zero-page.rst.
 */
#ifndef BERTH_HYPERVISOR_BOOT_H
#define BERTH_HYPERVISOR_BOOT_H

#include "hypervisor/cpu.h"
#include "hypervisor/memory.h"

#define BOOT_SEED_BYTES         32
#define BOOT_PLACE_BYTES        16
#define BOOT_COMMAND_LINE_BYTES 2048

struct boot_files {
    int kernel;  /* a bzImage, or an ELF kernel */
    int payload; /* what is packed in that bzImage: an ELF with its relocations behind it; or -1 */
    int initrd;  /* or -1 */
    const char *command_line;
    const uint8_t *seed;  /* BOOT_SEED_BYTES: the kernel's randomness */
    const uint8_t *place; /* BOOT_PLACE_BYTES: where it is put */
};

/* Fills memory and *start. ERR_UNSUPPORTED for what is not such a kernel, ERR_NO_SPACE when the
 * memory is too small for it. */
int boot_load(const struct memory *memory, const struct boot_files *files, struct cpu_start *start,
              struct err *e);

#endif
