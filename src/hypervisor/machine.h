// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine.h: where everything is in the guest's address spaces. All numbers are guest-physical
 * bytes or I/O ports. dsdt.asl includes this file, so it has nothing but plain #defines.
 *
 * Source: Intel 64 SDM volume 3, 10.4 (APIC); ACPI 6.4, 5.2.5.1 (where the RSDP is looked for).
 */
#ifndef BERTH_HYPERVISOR_MACHINE_H
#define BERTH_HYPERVISOR_MACHINE_H

#define CPUS_MAX 16

/* ---- below 1 MiB: what the kernel is started with ---- */
#define BOOT_GDT          0x00000500
#define BOOT_PARAMS       0x00007000
#define BOOT_PAGE_TABLES  0x00009000 /* to 0x10000 */
#define BOOT_STACK        0x00010000 /* grows down */
#define BOOT_COMMAND_LINE 0x00020000
#define BOOT_SETUP_DATA   0x00030000
#define LOW_RAM_END       0x0009fc00
#define ACPI_TABLES       0x000e0000 /* the RSDP is first */
#define GENERATION_ID     0x000ff000 /* a page that holds 16 bytes */
#define HIGH_RAM_START    0x00100000

/* ---- the hole below 4 GiB ---- */
#define HOLE_START      0xc0000000
#define PCI_WINDOW      0xc0000000 /* for the devices' registers */
#define PCI_WINDOW_LAST 0xcfffffff
#define PCI_BYTES       0x10000000
#define ECAM_BASE       0xe0000000 /* one bus */
#define ECAM_BYTES      0x00100000
#define IO_APIC         0xfec00000
#define LOCAL_APIC      0xfee00000
#define KVM_IDENTITY    0xfffbc000 /* four pages that KVM wants on Intel's processors */
#define KVM_TSS         0xfffbd000
#define HOLE_END        0x100000000

/* ---- ports ---- */
#define PORT_RTC    0x70
#define PORT_I8042  0x64
#define PORT_PANIC  0x505
#define PORT_PM_EVT 0x600 /* status, enable: 2 bytes each */
#define PORT_PM_CNT 0x604 /* 2 bytes */
#define PORT_GPE    0x608 /* status, enable: 1 byte each */
#define PORT_RESET  0x60c
#define PORT_SERIAL 0x3f8
#define RESET_VALUE 0x01

/* ---- interrupts ---- */
#define IRQ_SERIAL     4
#define IRQ_RTC        8
#define IRQ_SCI        9
#define GPE_GENERATION 0

#endif
