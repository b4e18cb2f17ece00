// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * pci.c: configuration space as bytes with a mask of what may change. Two registers do something:
 * the command register with BAR 0 (where the window is) and the MSI-X control word (masking).
 */
#include "hypervisor/pci.h"
#include "hypervisor/interrupt.h"
#include "hypervisor/machine.h"

#include <assert.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define FUNCTION_BYTES 4096 /* of ECAM for one function */
#define DEVICE_BYTES   (8 * FUNCTION_BYTES)
#define SPACE_BYTES    (PCI_SLOTS * DEVICE_BYTES)
#define MEMORY_SLOT    2 /* KVM's number for it; the guest's RAM has 0 and 1 */

static void put(uint8_t *bytes, uint64_t value, unsigned n)
{
    bus_bytes(value, bytes, n);
}

static uint32_t get(const uint8_t *bytes, unsigned n)
{
    return (uint32_t)bus_number(bytes, n);
}

/* ---- making one ---- */

void pci_identify(struct pci_function *function, const struct pci_identity *identity)
{
    uint8_t *config = function->config, *writable = function->writable;

    put(config + PCI_VENDOR_ID, identity->vendor, 2);
    put(config + PCI_DEVICE_ID, identity->device, 2);
    config[PCI_REVISION_ID] = identity->revision;
    put(config + PCI_CLASS_PROG, identity->class_code, 3);
    put(config + PCI_SUBSYSTEM_VENDOR_ID, identity->vendor, 2);
    put(config + PCI_SUBSYSTEM_ID, identity->subsystem, 2);
    put(writable + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE,
        2);
    writable[PCI_CACHE_LINE_SIZE] = writable[PCI_INTERRUPT_LINE] = 0xff;
    function->link = PCI_CAPABILITY_LIST;
    function->end = PCI_STD_HEADER_SIZEOF;
}

uint8_t pci_add_capability(struct pci_function *function, const void *capability, uint8_t n)
{
    uint8_t *config = function->config, at = function->end;

    assert(at + n <= PCI_CONFIG - 3);
    put(config + PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
    memcpy(config + at, capability, n);
    config[function->link] = at;
    config[at + PCI_CAP_LIST_NEXT] = 0;
    function->link = (uint8_t)(at + PCI_CAP_LIST_NEXT);
    function->end = (uint8_t)(at + (n + 3) / 4 * 4);
    return at;
}

void pci_add_msix(struct pci_function *function, unsigned n_vectors, uint32_t table,
                  uint32_t pending)
{
    uint8_t capability[PCI_CAP_MSIX_SIZEOF] = {PCI_CAP_ID_MSIX};

    assert(n_vectors <= PCI_VECTORS);
    put(capability + PCI_MSIX_FLAGS, n_vectors - 1, 2);
    put(capability + PCI_MSIX_TABLE, table, 4);
    put(capability + PCI_MSIX_PBA, pending, 4);
    function->msix = pci_add_capability(function, capability, sizeof(capability));
    function->n_vectors = n_vectors;
    put(function->writable + function->msix + PCI_MSIX_FLAGS,
        PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 2);
    for (unsigned i = 0; i < n_vectors; i++)
        function->state.vectors[i].masked = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

void pci_plug(struct pci *pci, struct pci_function *function)
{
    unsigned slot = 0;

    while (pci->slots[slot] != NULL)
        slot++;
    assert(slot < PCI_SLOTS);
    pci->slots[slot] = function;
    function->config = pci->space + slot * DEVICE_BYTES;
    if (function->read == NULL)
        return; /* a function without a window */
    put(function->config + PCI_BASE_ADDRESS_0, PCI_WINDOW + slot * PCI_BAR, 4);
    put(function->writable + PCI_BASE_ADDRESS_0, ~(uint32_t)(PCI_BAR - 1), 4);
}

/* ---- configuration space ---- */

static uint64_t window_place(const struct pci_function *function)
{
    const uint8_t *config = function->config;

    if (function->read == NULL || (get(config + PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) == 0)
        return 0;
    return get(config + PCI_BASE_ADDRESS_0, 4) & PCI_BASE_ADDRESS_MEM_MASK;
}

static void place_window(struct pci_function *function)
{
    uint64_t from = function->window, to = window_place(function);

    if (from == to)
        return;
    __atomic_store_n(&function->window, to, __ATOMIC_RELAXED);
    function->moved(function->device, from, to);
}

static bool vector_masked(const struct pci_function *function, unsigned vector)
{
    uint32_t control = get(function->config + function->msix + PCI_MSIX_FLAGS, 2);

    return (control & PCI_MSIX_FLAGS_ENABLE) == 0 || (control & PCI_MSIX_FLAGS_MASKALL) != 0 ||
           (function->state.vectors[vector].masked & PCI_MSIX_ENTRY_CTRL_MASKBIT) != 0;
}

/* Sends what was raised while it was masked. */
static void send_pending(struct pci_function *function)
{
    for (unsigned i = 0; i < function->n_vectors; i++)
        if ((function->state.pending & 1 << i) != 0 && !vector_masked(function, i)) {
            function->state.pending &= (uint8_t) ~(1 << i);
            interrupt_message(function->vm, function->state.vectors[i].address,
                              function->state.vectors[i].data);
        }
}

static struct pci_function *function_at(const struct pci *pci, uint64_t offset, unsigned n)
{
    uint64_t slot = offset / DEVICE_BYTES, reg = offset % DEVICE_BYTES;

    return slot < PCI_SLOTS && reg + n <= PCI_CONFIG ? pci->slots[slot] : NULL;
}

static void config_read(void *device, uint64_t offset, uint8_t *data, unsigned n)
{
    struct pci_function *function = function_at(device, offset, n);
    bool extended = offset % DEVICE_BYTES >= PCI_CONFIG && offset % DEVICE_BYTES < FUNCTION_BYTES;

    memset(data, extended ? 0 : 0xff, n); /* no extended capability; no other function */
    if (function == NULL)
        return;
    pthread_mutex_lock(function->lock);
    memcpy(data, function->config + offset % DEVICE_BYTES, n);
    pthread_mutex_unlock(function->lock);
}

static void config_write(void *device, uint64_t offset, const uint8_t *data, unsigned n)
{
    struct pci_function *function = function_at(device, offset, n);

    if (function == NULL)
        return;
    pthread_mutex_lock(function->lock);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *at = &function->config[offset % DEVICE_BYTES + i];
        uint8_t mask = function->writable[offset % DEVICE_BYTES + i];

        *at = (uint8_t)((*at & ~mask) | (data[i] & mask));
    }
    if (function->written != NULL)
        function->written(function->device, (unsigned)(offset % DEVICE_BYTES), n);
    place_window(function);
    send_pending(function);
    pthread_mutex_unlock(function->lock);
}

/* ---- windows ---- */

static bool in_window(const struct pci_function *function, uint64_t address, unsigned n)
{
    uint64_t window = __atomic_load_n(&function->window, __ATOMIC_RELAXED);

    return window != 0 && address >= window && address + n <= window + PCI_BAR;
}

/* Whose window is there, with its lock held: another processor may be moving it. */
static struct pci_function *lock_window(const struct pci *pci, uint64_t address, unsigned n)
{
    for (unsigned i = 0; i < PCI_SLOTS; i++) {
        struct pci_function *function = pci->slots[i];

        if (function == NULL || !in_window(function, address, n))
            continue;
        pthread_mutex_lock(function->lock);
        if (in_window(function, address, n))
            return function;
        pthread_mutex_unlock(function->lock);
    }
    return NULL;
}

static void window_read(void *device, uint64_t offset, uint8_t *data, unsigned n)
{
    struct pci_function *function = lock_window(device, PCI_WINDOW + offset, n);

    memset(data, 0xff, n);
    if (function == NULL)
        return;
    function->read(function->device, PCI_WINDOW + offset - function->window, data, n);
    pthread_mutex_unlock(function->lock);
}

static void window_write(void *device, uint64_t offset, const uint8_t *data, unsigned n)
{
    struct pci_function *function = lock_window(device, PCI_WINDOW + offset, n);

    if (function == NULL)
        return;
    function->write(function->device, PCI_WINDOW + offset - function->window, data, n);
    pthread_mutex_unlock(function->lock);
}

void pci_loaded(struct pci_function *function)
{
    place_window(function);
}

/* ---- MSI-X ---- */

/* The byte of the table at the offset, or NULL behind its end. */
static uint8_t *table_byte(struct pci_function *function, uint64_t offset)
{
    unsigned vector = (unsigned)(offset / PCI_MSIX_ENTRY_SIZE);

    if (vector >= function->n_vectors)
        return NULL;
    return (uint8_t *)&function->state.vectors[vector] + offset % PCI_MSIX_ENTRY_SIZE;
}

void pci_msix_read(struct pci_function *function, uint64_t offset, uint8_t *data, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *byte = table_byte(function, offset + i);

        data[i] = byte != NULL ? *byte : 0;
    }
}

void pci_msix_write(struct pci_function *function, uint64_t offset, const uint8_t *data, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *byte = table_byte(function, offset + i);

        if (byte != NULL)
            *byte = data[i];
    }
    send_pending(function);
}

void pci_pending_read(const struct pci_function *function, uint64_t offset, uint8_t *data,
                      unsigned n)
{
    memset(data, 0, n);
    if (offset == 0)
        data[0] = function->state.pending;
}

void pci_raise(struct pci_function *function, uint16_t vector)
{
    if (vector >= function->n_vectors)
        return; /* the guest wants none */
    function->state.pending |= (uint8_t)(1 << vector);
    send_pending(function);
}

/* ---- the bus ---- */

/* An empty slot reads as ones where a device has its name. */
static int make_space(struct pci *pci, int vm, struct err *e)
{
    struct kvm_userspace_memory_region region = {.slot = MEMORY_SLOT,
                                                 .flags = KVM_MEM_READONLY,
                                                 .guest_phys_addr = ECAM_BASE,
                                                 .memory_size = SPACE_BYTES};

    pci->space =
        mmap(NULL, SPACE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pci->space == MAP_FAILED)
        return err_no_memory(e);
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
        memset(pci->space + slot * DEVICE_BYTES, 0xff, 4);
    region.userspace_addr = (uintptr_t)pci->space;
    (void)ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region); /* else every access comes here */
    return 0;
}

int pci_make(struct pci *pci, int vm, struct bus *mmio, struct err *e)
{
    static const struct pci_identity host_bridge = {
        .vendor = 0x1b36, .device = 0x0008, .class_code = 0x060000}; /* QEMU's, for a plain root */
    struct bus_range ecam = {ECAM_BASE, ECAM_BYTES, config_read, config_write, pci};
    struct bus_range windows = {PCI_WINDOW, PCI_BYTES, window_read, window_write, pci};

    if (make_space(pci, vm, e) < 0)
        return -1;
    pthread_mutex_init(&pci->lock, NULL);
    pci->bridge.lock = &pci->lock;
    pci_plug(pci, &pci->bridge);
    pci_identify(&pci->bridge, &host_bridge);
    bus_add(mmio, &ecam);
    bus_add(mmio, &windows);
    return 0;
}
