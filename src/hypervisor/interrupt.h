// SPDX-License-Identifier: GPL-3.0-or-later
/* interrupt.h: what a device does to be noticed. Both kinds go to KVM's own interrupt controllers.
 * Source: Linux Documentation/virt/kvm/api.rst, 4.25 (KVM_IRQ_LINE), 4.70 (KVM_SIGNAL_MSI). */
#ifndef BERTH_HYPERVISOR_INTERRUPT_H
#define BERTH_HYPERVISOR_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* Sets a line of the IO-APIC and the PIC. vm: KVM's descriptor of the machine. */
void interrupt_line(int vm, unsigned irq, bool high);

/* Raises and lowers a line: one edge. */
void interrupt_pulse(int vm, unsigned irq);

/* Sends a message-signalled interrupt. */
void interrupt_message(int vm, uint64_t address, uint32_t data);

#endif
