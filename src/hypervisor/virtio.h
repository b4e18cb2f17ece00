// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * virtio.h: what all virtio devices have in common: the modern PCI transport and the life of a
 * queue. A device is one file, one row in virtio.def, and one struct virtio_ops.
 *
 * A guest that breaks the rules gets DEVICE_NEEDS_RESET, and its device stands still until it
 * resets it; the monitor goes on.
 *
 * Source: VIRTIO 1.2, 2.1 to 2.7 and 4.1.
 */
#ifndef BERTH_HYPERVISOR_VIRTIO_H
#define BERTH_HYPERVISOR_VIRTIO_H

#include "hypervisor/loop.h"
#include "hypervisor/pci.h"
#include "hypervisor/queue.h"

#define VIRTIO_QUEUES 2

struct virtio;

struct virtio_ops {
    const char *name;
    uint16_t id;         /* VIRTIO 1.2, 5 */
    uint32_t class_code; /* PCI's */
    unsigned n_queues;
    unsigned config_bytes;
    uint32_t state_bytes; /* of what a saved machine keeps of the device; it begins the device */
    /* Its own feature bits. */
    uint64_t (*features)(const void *device);
    /* The configuration as bytes; and a write to it, NULL: none is taken. */
    void (*config)(const void *device, uint8_t *bytes);
    void (*config_write)(void *device, uint64_t offset, const uint8_t *data, unsigned n);
    /* Serves what is in the queue; returns -1 when the guest broke the rules. */
    int (*serve)(struct virtio *virtio, void *device, unsigned queue);
    /* Back to how it was made; NULL: it keeps nothing. */
    void (*reset)(void *device);
};

#define VIRTIO(name) extern const struct virtio_ops virtio_##name##_ops;
#include "hypervisor/virtio.def"
#undef VIRTIO

/* What a saved machine keeps of the transport. */
struct virtio_state {
    uint64_t accepted; /* features, by the driver */
    uint32_t device_select, driver_select;
    uint16_t config_vector, queue_select;
    uint8_t status, generation, interrupt;
    struct queue queues[VIRTIO_QUEUES];
};

struct virtio {
    struct virtio_state state;
    struct pci_function pci;
    pthread_mutex_t lock;
    const struct virtio_ops *ops;
    void *device;
    const struct memory *memory;
    struct loop *loop;
    uint8_t access; /* where in its configuration space the window can be reached: 4.1.4.9 */
    unsigned left;  /* how much it may still do before others have their turn */
    struct virtio_kick {
        struct virtio *virtio;
        struct loop_source source; /* an eventfd that KVM signals when the guest notifies */
    } kicks[VIRTIO_QUEUES];
};

/* What every device is made with. */
struct virtio_machine {
    int vm;
    const struct memory *memory;
    struct pci *pci;
    struct loop *loop;
};

/* Makes the transport of a device and plugs it into the bus. device is what ops get. */
int virtio_make(struct virtio *virtio, const struct virtio_machine *machine,
                const struct virtio_ops *ops, void *device, struct err *e);

/* For a device's own sources of the loop: takes the lock, serves the queue, tells the guest. */
void virtio_serve(struct virtio *virtio, unsigned queue);

/* Whether the driver has set the queue up. Under the lock, as everything below. */
bool virtio_ready(const struct virtio *virtio, unsigned queue);

/* Whether the driver has accepted the feature bit. */
bool virtio_accepted(const struct virtio *virtio, unsigned feature);

/* Takes one from what the device may do in this turn, so that a guest or an outside that never
 * stops keeps nobody waiting. False: there is nothing left; its queue is served again later. */
bool virtio_spend(struct virtio *virtio);

/* queue_pop, which spends one and finds nothing when there is nothing left; queue_peek, queue_push.
 */
int virtio_pop(struct virtio *virtio, unsigned queue, struct chain *chain);
int virtio_peek(const struct virtio *virtio, unsigned queue, uint16_t ahead, struct chain *chain);
void virtio_push(struct virtio *virtio, unsigned queue, const struct chain *chain, uint32_t bytes);

/* Interrupts the guest for what was pushed, if it wants that; at the end it is done anyway. */
void virtio_tell(struct virtio *virtio, unsigned queue);

/* Where all that is in the queue has been served: tells the guest, and lets it go on where it
 * shares a processor with us, before it is asked for notifications again. */
void virtio_linger(struct virtio *virtio, unsigned queue);

/* Its configuration has changed: tells the guest. Takes the lock itself. */
void virtio_config_changed(struct virtio *virtio);

/* After the state was loaded: the notifications' place, and everything that may be waiting. */
void virtio_loaded(void *virtio);

#endif
