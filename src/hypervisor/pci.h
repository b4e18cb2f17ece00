// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * pci.h: one PCI Express bus, its configuration space through ECAM only. Each device is one
 * function with one memory window of 32 KiB (BAR 0) and interrupts by MSI-X only.
 *
 * Windows have their place from the start, as firmware would leave them; a guest may move them.
 * Configuration space is memory that the guest reads without leaving it and cannot write: Linux
 * reads it hundreds of times while it boots. Where KVM has no such memory, every access comes here.
 *
 * Source: PCI Express Base 3.0, 7.2.2 (ECAM), 7.5 (configuration space); PCI 3.0, 6.2.5.1 (BAR
 * sizing), 6.8.2 (MSI-X).
 */
#ifndef BERTH_HYPERVISOR_PCI_H
#define BERTH_HYPERVISOR_PCI_H

#include "hypervisor/bus.h"

#include "core/err.h"

#include <pthread.h>
#include <stdbool.h>

#define PCI_SLOTS   8
#define PCI_CONFIG  256 /* bytes of a function's configuration space that are used */
#define PCI_BAR     0x8000
#define PCI_VECTORS 8

#define PCI_NO_VECTOR 0xffff

/* What a saved machine keeps of it, beside its configuration space. */
struct pci_state {
    struct {
        uint64_t address;
        uint32_t data, masked; /* bit 0 */
    } vectors[PCI_VECTORS];
    uint8_t pending; /* a bit for each vector that was masked when it was raised */
};

struct pci_function {
    struct pci_state state;
    uint8_t *config;              /* PCI_CONFIG bytes, which the guest reads by itself */
    uint8_t writable[PCI_CONFIG]; /* bits of the configuration space a guest may change */
    uint8_t link, end;            /* where the next capability's offset, and it itself, go */
    uint8_t msix;                 /* where that capability is */
    unsigned n_vectors;
    int vm;
    uint64_t window; /* where it is now; 0: switched off */
    /* Reads and writes in the window, at the offset; and after the window has moved. */
    void (*read)(void *device, uint64_t offset, uint8_t *data, unsigned n);
    void (*write)(void *device, uint64_t offset, const uint8_t *data, unsigned n);
    void (*moved)(void *device, uint64_t from, uint64_t to);
    /* After n bytes of the configuration space were written; or NULL. */
    void (*written)(void *device, unsigned at, unsigned n);
    void *device;
    pthread_mutex_t *lock; /* the device's: taken around each access */
};

/* What tells one kind from another. */
struct pci_identity {
    uint16_t vendor, device, subsystem;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
    uint8_t revision;
};

struct pci {
    struct pci_function *slots[PCI_SLOTS]; /* slot 0 is the host bridge */
    uint8_t *space;                        /* their configuration space, as it is in ECAM */
    struct pci_function bridge;
    pthread_mutex_t lock; /* the bridge's */
};

/* An empty bus with its host bridge, in the MMIO space. vm: KVM's descriptor of the machine. */
int pci_make(struct pci *pci, int vm, struct bus *mmio, struct err *e);

/* Plugs it into the next slot and gives it a window, when it has `read`. device, read, write, moved
 * and lock are set. */
void pci_plug(struct pci *pci, struct pci_function *function);

/* Fills in the configuration space of a function; capabilities are added behind it. */
void pci_identify(struct pci_function *function, const struct pci_identity *identity);

/* Appends a capability of n bytes that begins with its id; its link is set here. Returns its
 * offset. */
uint8_t pci_add_capability(struct pci_function *function, const void *capability, uint8_t n);

/* Appends the MSI-X capability: the table at `table` in the window, the pending bits at `pending`.
 */
void pci_add_msix(struct pci_function *function, unsigned n_vectors, uint32_t table,
                  uint32_t pending);

/* After the state was loaded: the window's place again, `moved` included. */
void pci_loaded(struct pci_function *function);

/* Accesses of the table and of the pending bits, by offset within each. */
void pci_msix_read(struct pci_function *function, uint64_t offset, uint8_t *data, unsigned n);
void pci_msix_write(struct pci_function *function, uint64_t offset, const uint8_t *data,
                    unsigned n);
void pci_pending_read(const struct pci_function *function, uint64_t offset, uint8_t *data,
                      unsigned n);

/* Sends the vector's message, or keeps it until it is unmasked. Under the device's lock. */
void pci_raise(struct pci_function *function, uint16_t vector);

#endif
