// SPDX-License-Identifier: GPL-3.0-or-later
/* acpi.c: tables, as structures of their specification, written one behind the other. */
#include "hypervisor/acpi.h"
#include "hypervisor/machine.h"

#include <stddef.h>
#include <string.h>

/* What iasl made of dsdt.asl: dsdt_aml_code[]. */
#include "hypervisor/dsdt.h"

#define PACKED __attribute__((packed))

#define FADT_WBINVD       (1U << 0)
#define FADT_C1           (1U << 2)
#define FADT_NO_SLEEP_KEY (1U << 5)
#define FADT_RESET        (1U << 10)
#define FADT_BOOT_NO_VGA  (1U << 2)
#define MADT_HAS_PIC      1
#define MADT_ENABLED      1
#define MADT_LEVEL_HIGH   0x0d
#define NO_LATENCY        0xffff /* no deeper sleep state */
#define GAS_IO            1

struct PACKED header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
};

struct PACKED address { /* "generic address structure" */
    uint8_t space, bits, bit_offset, access;
    uint64_t at;
};

struct PACKED rsdp {
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt, length;
    uint64_t xsdt;
    uint8_t whole_checksum, reserved[3];
};

struct PACKED xsdt {
    struct header header;
    uint64_t tables[3];
};

struct PACKED fadt {
    struct header header;
    uint32_t facs, dsdt;
    uint8_t reserved, profile;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4, pstate;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    uint8_t pm1_event_bytes, pm1_control_bytes, pm2_bytes, pm_timer_bytes, gpe0_bytes, gpe1_bytes;
    uint8_t gpe1_base, cst;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_flags;
    uint8_t reserved2;
    uint32_t flags;
    struct address reset;
    uint8_t reset_value, arm_flags[2], minor;
    uint64_t x_facs, x_dsdt;
    struct address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2, x_pm_timer,
        x_gpe0, x_gpe1, sleep_control, sleep_status;
    uint64_t hypervisor;
};

struct PACKED facs {
    char signature[4];
    uint32_t length, hardware_signature, waking_vector, global_lock, flags;
    uint64_t x_waking_vector;
    uint8_t version, reserved[31];
};

struct PACKED madt {
    struct header header;
    uint32_t local_apic, flags;
    struct PACKED {
        uint8_t type, length, id, reserved;
        uint32_t address, first_interrupt;
    } io_apic;
    struct PACKED {
        uint8_t type, length, bus, source;
        uint32_t interrupt;
        uint16_t flags;
    } sci;
    struct PACKED {
        uint8_t type, length, processor, apic;
        uint32_t flags;
    } cpus[CPUS_MAX];
};

struct PACKED mcfg {
    struct header header;
    uint64_t reserved, ecam;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved2;
};

/* Everything, in the order it is in memory. The FACS wants 64 bytes of alignment. */
struct PACKED tables {
    struct rsdp rsdp;
    uint8_t pad[64 - sizeof(struct rsdp)];
    struct facs facs;
    struct xsdt xsdt;
    struct fadt fadt;
    struct madt madt;
    struct mcfg mcfg;
    uint8_t dsdt[sizeof(dsdt_aml_code)];
};

#define AT(member) (ACPI_TABLES + offsetof(struct tables, member))

static uint8_t checksum(const void *data, size_t n)
{
    const uint8_t *bytes = data;
    uint8_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return (uint8_t)-sum;
}

static void seal(struct header *header, const char *signature, uint32_t length, uint8_t revision)
{
    memcpy(header->signature, signature, sizeof(header->signature));
    header->length = length;
    header->revision = revision;
    memcpy(header->oem_id, "BERTH ", sizeof(header->oem_id));
    memcpy(header->oem_table_id, "BERTH   ", sizeof(header->oem_table_id));
    header->oem_revision = 1;
    memcpy(header->creator_id, "BRTH", sizeof(header->creator_id));
    header->creator_revision = 1;
    header->checksum = 0;
    header->checksum = checksum(header, length);
}

static struct address port(uint64_t at, uint8_t bytes)
{
    return (struct address){
        .space = GAS_IO, .bits = (uint8_t)(bytes * 8), .access = bytes < 4 ? bytes : 3, .at = at};
}

static void fill_fadt(struct fadt *fadt)
{
    fadt->facs = AT(facs);
    fadt->dsdt = AT(dsdt);
    fadt->sci = IRQ_SCI;
    fadt->pm1a_event = PORT_PM_EVT;
    fadt->pm1_event_bytes = 4;
    fadt->pm1a_control = PORT_PM_CNT;
    fadt->pm1_control_bytes = 2;
    fadt->gpe0 = PORT_GPE;
    fadt->gpe0_bytes = 2;
    fadt->c2_latency = fadt->c3_latency = NO_LATENCY;
    fadt->century = 0x32;
    fadt->boot_flags = FADT_BOOT_NO_VGA;
    fadt->flags = FADT_WBINVD | FADT_C1 | FADT_NO_SLEEP_KEY | FADT_RESET;
    fadt->reset = port(PORT_RESET, 1);
    fadt->reset_value = RESET_VALUE;
    fadt->x_dsdt = AT(dsdt);
    fadt->x_pm1a_event = port(PORT_PM_EVT, 4);
    fadt->x_pm1a_control = port(PORT_PM_CNT, 2);
    fadt->x_gpe0 = port(PORT_GPE, 2);
    seal(&fadt->header, "FACP", sizeof(*fadt), 6);
}

static void fill_madt(struct madt *madt, unsigned cpus)
{
    uint32_t length = (uint32_t)(offsetof(struct madt, cpus) + cpus * sizeof(madt->cpus[0]));

    madt->local_apic = LOCAL_APIC;
    madt->flags = MADT_HAS_PIC;
    madt->io_apic.type = 1;
    madt->io_apic.length = sizeof(madt->io_apic);
    madt->io_apic.address = IO_APIC;
    madt->sci.type = 2;
    madt->sci.length = sizeof(madt->sci);
    madt->sci.source = IRQ_SCI;
    madt->sci.interrupt = IRQ_SCI;
    madt->sci.flags = MADT_LEVEL_HIGH;
    for (unsigned i = 0; i < cpus; i++) {
        madt->cpus[i].length = sizeof(madt->cpus[i]);
        madt->cpus[i].processor = madt->cpus[i].apic = (uint8_t)i;
        madt->cpus[i].flags = MADT_ENABLED;
    }
    seal(&madt->header, "APIC", length, 5);
}

static void fill_root(struct tables *t)
{
    memcpy(t->facs.signature, "FACS", sizeof(t->facs.signature));
    t->facs.length = sizeof(t->facs);
    t->facs.version = 2;
    t->mcfg.ecam = ECAM_BASE;
    seal(&t->mcfg.header, "MCFG", sizeof(t->mcfg), 1);
    t->xsdt.tables[0] = AT(fadt);
    t->xsdt.tables[1] = AT(madt);
    t->xsdt.tables[2] = AT(mcfg);
    seal(&t->xsdt.header, "XSDT", sizeof(t->xsdt), 1);
    memcpy(t->rsdp.signature, "RSD PTR ", sizeof(t->rsdp.signature));
    memcpy(t->rsdp.oem_id, "BERTH ", sizeof(t->rsdp.oem_id));
    t->rsdp.revision = 2;
    t->rsdp.length = sizeof(t->rsdp);
    t->rsdp.xsdt = AT(xsdt);
    t->rsdp.checksum = checksum(&t->rsdp, offsetof(struct rsdp, length));
    t->rsdp.whole_checksum = checksum(&t->rsdp, sizeof(t->rsdp));
}

int acpi_write(const struct memory *memory, unsigned cpus, struct err *e)
{
    struct tables *t = memory_write_at(memory, ACPI_TABLES, sizeof(*t));

    if (t == NULL)
        return err_set(e, ERR_FAILED, "the guest's memory has no room for its ACPI tables");
    memset(t, 0, sizeof(*t));
    memcpy(t->dsdt, dsdt_aml_code, sizeof(dsdt_aml_code));
    fill_fadt(&t->fadt);
    fill_madt(&t->madt, cpus);
    fill_root(t);
    return 0;
}
