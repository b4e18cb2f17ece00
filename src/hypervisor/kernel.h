// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * kernel.h: the two forms a kernel comes in: a bzImage, which unpacks itself in the guest, and the
 * ELF that is packed in it, which is entered at once.
 *
 * All of it was written by somebody else: every number is checked before it is used.
 */
#ifndef BERTH_HYPERVISOR_KERNEL_H
#define BERTH_HYPERVISOR_KERNEL_H

#include "hypervisor/memory.h"

#include <asm/bootparam.h>

/* A kernel in memory. */
struct kernel {
    struct setup_header header; /* what boot_params starts from */
    uint64_t entry;
    uint64_t end;    /* the first byte behind what it needs of memory for itself */
    bool randomized; /* it is in another place than the last time */
};

/* Randomness for its place: two independent numbers. `wanted` false: its usual place. */
struct kernel_place {
    bool wanted;
    uint64_t physical, virtual;
};

/* Reads the header of a bzImage. Returns 1, 0 when it is not one, -1 on failure. */
int bzimage_header(int fd, struct setup_header *header, struct err *e);

/* Puts a bzImage with that header where it wants to be. */
int bzimage_load(const struct memory *memory, int fd, struct kernel *kernel, struct err *e);

/* Loads an ELF kernel below `limit`, at a place that `place` chooses when the file ends with
 * relocations. kernel->header is set. Source: Linux arch/x86/boot/compressed/misc.c describes the
 * relocations' form; System V ABI, chapter 4 and 5. */
int elf_load(const struct memory *memory, int fd, const struct kernel_place *place, uint64_t limit,
             struct kernel *kernel, struct err *e);

#endif
