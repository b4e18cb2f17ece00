// SPDX-License-Identifier: GPL-3.0-or-later
/* acpi.h: the tables that describe the machine. */
#ifndef BERTH_HYPERVISOR_ACPI_H
#define BERTH_HYPERVISOR_ACPI_H

#include "hypervisor/memory.h"

/* Writes RSDP, XSDT, FADT, FACS, MADT, MCFG and DSDT to ACPI_TABLES. Source: ACPI 6.4, 5.2; PCI
 * Firmware 3.2, 4.1.2 (MCFG). */
int acpi_write(const struct memory *memory, unsigned cpus, struct err *e);

#endif
