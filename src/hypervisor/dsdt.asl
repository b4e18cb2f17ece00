/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dsdt.asl: what ACPI has to describe, since it cannot be found by looking: the serial line, the
 * root of the one PCI bus and its windows, the panic port, the generation id, how to power off.
 * Source: ACPI 6.4, 19; PCI Firmware 3.2, 4.1.2 (the ECAM range as a motherboard resource). */
#include "machine.h"

DefinitionBlock ("", "DSDT", 2, "BERTH", "BERTH", 1)
{
    Scope (\_SB)
    {
        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 1)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, PORT_SERIAL, PORT_SERIAL, 0, 8)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { IRQ_SERIAL }
            })
        }

        Device (RTC0)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, PORT_RTC, PORT_RTC, 0, 2)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { IRQ_RTC }
            })
        }

        Device (PNIC)
        {
            Name (_HID, "QEMU0001")
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, PORT_PANIC, PORT_PANIC, 0, 1)
            })
        }

        Device (VGEN)
        {
            Name (_HID, "BRTH0001")
            Name (_CID, "VM_Gen_Counter")
            Name (_DDN, "VM_Gen_Counter")
            Name (ADDR, Package () { GENERATION_ID, 0 })
        }

        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A08"))
            Name (_CID, EisaId ("PNP0A03"))
            Name (_SEG, 0)
            Name (_BBN, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0, 0, 1)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite, 0, PCI_WINDOW, PCI_WINDOW_LAST, 0, PCI_BYTES)
            })
        }

        Device (ECAM)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadWrite, ECAM_BASE, ECAM_BYTES)
            })
        }
    }

    Scope (\_GPE)
    {
        Method (_E00, 0, NotSerialized)
        {
            Notify (\_SB.VGEN, 0x80)
        }
    }

    Name (\_S5, Package () { 5, 0, 0, 0 })
}
