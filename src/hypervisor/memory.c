// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * memory.c: one anonymous mapping. The part above the hole follows the part below it at once, so a
 * guest address becomes an offset by taking the hole away.
 */
#include "hypervisor/memory.h"
#include "hypervisor/machine.h"

#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uint64_t)2 << 20)
#define WORD_BITS 64

int memory_make(struct memory *memory, uint64_t bytes, struct err *e)
{
    uint8_t *all = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint64_t skip;

    if (all == MAP_FAILED)
        return err_errno(e, "%llu MiB of memory for the guest", (unsigned long long)(bytes >> 20));
    skip = -(uintptr_t)all % HUGE_PAGE;
    memory->base = all + skip;
    memory->bytes = bytes;
    memory->low = bytes < HOLE_START ? bytes : HOLE_START;
    memory->dirty = NULL;
    (void)madvise(memory->base, bytes, MADV_HUGEPAGE); /* a kernel without them does without */
    (void)madvise(memory->base, bytes, MADV_DONTDUMP);
    return 0;
}

/* Where the range is in the mapping; false when a byte of it is not RAM. */
static bool find(const struct memory *memory, uint64_t address, uint64_t length, uint64_t *offset)
{
    uint64_t from = 0, end = memory->low;

    if (address >= HOLE_END) {
        from = HOLE_END;
        end = HOLE_END + (memory->bytes - memory->low);
    }
    if (address < from || address >= end || length > end - address)
        return false;
    *offset = from == 0 ? address : address - HOLE_END + memory->low;
    return true;
}

const void *memory_read_at(const struct memory *memory, uint64_t address, uint64_t length)
{
    uint64_t offset;

    return find(memory, address, length, &offset) ? memory->base + offset : NULL;
}

static void mark(uint64_t *dirty, uint64_t offset, uint64_t length)
{
    for (uint64_t page = offset / MEMORY_PAGE; page * MEMORY_PAGE < offset + length; page++)
        __atomic_fetch_or(&dirty[page / WORD_BITS], 1ULL << page % WORD_BITS, __ATOMIC_RELAXED);
}

void *memory_write_at(const struct memory *memory, uint64_t address, uint64_t length)
{
    uint64_t offset;

    if (!find(memory, address, length, &offset))
        return NULL;
    if (memory->dirty != NULL)
        mark(memory->dirty, offset, length);
    return memory->base + offset;
}

bool memory_get(const struct memory *memory, uint64_t address, void *data, uint64_t length)
{
    const void *at = memory_read_at(memory, address, length);

    if (at == NULL)
        return false;
    memcpy(data, at, length);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* no compiler looks there again: it changes */
    return true;
}

bool memory_put(const struct memory *memory, uint64_t address, const void *data, uint64_t length)
{
    void *at = memory_write_at(memory, address, length);

    if (at == NULL)
        return false;
    memcpy(at, data, length);
    return true;
}

static int add_slot(int vm, unsigned slot, uint64_t address, uint64_t bytes, const uint8_t *host,
                    struct err *e)
{
    struct kvm_userspace_memory_region region = {.slot = slot,
                                                 .guest_phys_addr = address,
                                                 .memory_size = bytes,
                                                 .userspace_addr = (uintptr_t)host};

    if (bytes == 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0)
        return 0;
    return err_errno(e, "giving the guest its memory");
}

int memory_register(const struct memory *memory, int vm, struct err *e)
{
    if (add_slot(vm, 0, 0, memory->low, memory->base, e) < 0)
        return -1;
    return add_slot(vm, 1, HOLE_END, memory->bytes - memory->low, memory->base + memory->low, e);
}

int memory_track(struct memory *memory, struct err *e)
{
    uint64_t pages = (memory->bytes + MEMORY_PAGE - 1) / MEMORY_PAGE;

    if (memory->dirty == NULL)
        memory->dirty = calloc((pages + WORD_BITS - 1) / WORD_BITS, sizeof(*memory->dirty));
    return memory->dirty == NULL ? err_no_memory(e) : 0;
}
