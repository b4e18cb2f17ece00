// SPDX-License-Identifier: GPL-3.0-or-later
/* cpuid.c: corrects the leaves that depend on the processor's number and on how many there are. */
#include "hypervisor/cpuid.h"

#include <linux/kvm.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define ENTRIES 256

#define FEATURES     0x01
#define CACHES       0x04
#define TOPOLOGY     0x0b
#define TOPOLOGY_V2  0x1f
#define AMD_CORES    0x80000008
#define AMD_TOPOLOGY 0x8000001e
#define EBX_SHIFT_ID 24
#define EBX_SHIFT_N  16
#define ECX_DEADLINE (1U << 24)
#define ECX_GUEST    (1U << 31) /* "runs under a hypervisor", without which there is no kvm-clock */
#define EDX_MANY     (1U << 28)
#define LEVEL_THREAD 1
#define LEVEL_CORE   2

/* As KVM takes and gives them. */
union leaves {
    struct kvm_cpuid2 list;
    struct {
        uint32_t n, pad;
        struct kvm_cpuid_entry2 entries[ENTRIES];
    } all;
};

/* How many bits number so many processors. */
static unsigned id_bits(unsigned cpus)
{
    unsigned bits = 0;

    while (1U << bits < cpus)
        bits++;
    return bits;
}

static void set_topology(struct kvm_cpuid_entry2 *leaf, unsigned index, unsigned cpus)
{
    leaf->eax = leaf->ebx = leaf->ecx = 0;
    leaf->ecx = leaf->index;
    leaf->edx = index;
    if (leaf->index == 0) {
        leaf->ebx = 1; /* one thread a core */
        leaf->ecx |= LEVEL_THREAD << 8;
    } else if (leaf->index == 1) {
        leaf->eax = id_bits(cpus);
        leaf->ebx = cpus;
        leaf->ecx |= LEVEL_CORE << 8;
    }
}

static void correct(struct kvm_cpuid_entry2 *leaf, unsigned index, unsigned cpus)
{
    switch (leaf->function) {
    case FEATURES:
        leaf->ebx = (leaf->ebx & 0xffff) | cpus << EBX_SHIFT_N | index << EBX_SHIFT_ID;
        leaf->ecx |= ECX_GUEST | ECX_DEADLINE;
        leaf->edx = cpus > 1 ? leaf->edx | EDX_MANY : leaf->edx & ~EDX_MANY;
        break;
    case CACHES: /* each core its own, the cores of the package */
        leaf->eax = (leaf->eax & 0x3fff) | (cpus - 1) << 26;
        break;
    case TOPOLOGY:
    case TOPOLOGY_V2:
        set_topology(leaf, index, cpus);
        break;
    case AMD_CORES:
        leaf->ecx = (leaf->ecx & ~0xf0ffU) | id_bits(cpus) << 12 | (cpus - 1);
        break;
    case AMD_TOPOLOGY:
        leaf->eax = index;
        leaf->ebx = index; /* one thread a core */
        leaf->ecx = 0;
        break;
    }
}

int cpuid_set(int kvm, int cpu, unsigned index, unsigned cpus, struct err *e)
{
    static union leaves host; /* asked for once: all processors are alike */
    union leaves own;

    if (host.all.n == 0) {
        host.all.n = ENTRIES;
        if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &host) < 0)
            return err_errno(e, "asking what the processor can do");
    }
    own = host;
    for (unsigned i = 0; i < own.all.n; i++)
        correct(&own.all.entries[i], index, cpus);
    if (ioctl(cpu, KVM_SET_CPUID2, &own) < 0)
        return err_errno(e, "telling processor %u what it is", index);
    return 0;
}
