// SPDX-License-Identifier: GPL-3.0-or-later
/* interrupt.c: two requests to KVM. Neither can fail in a way the guest could be told of: a guest
 * that programs nonsense gets no interrupt. */
#include "hypervisor/interrupt.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>

void interrupt_line(int vm, unsigned irq, bool high)
{
    struct kvm_irq_level line = {.irq = irq, .level = high};

    (void)ioctl(vm, KVM_IRQ_LINE, &line);
}

void interrupt_pulse(int vm, unsigned irq)
{
    interrupt_line(vm, irq, true);
    interrupt_line(vm, irq, false);
}

void interrupt_message(int vm, uint64_t address, uint32_t data)
{
    struct kvm_msi message = {
        .address_lo = (uint32_t)address, .address_hi = (uint32_t)(address >> 32), .data = data};

    (void)ioctl(vm, KVM_SIGNAL_MSI, &message);
}
