// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * virtio.c: the modern PCI transport. The window of a device, by offset:
 *
 *     0x0000 common configuration   0x3000 notifications, 4 bytes a queue
 *     0x1000 interrupt status       0x4000 MSI-X table
 *     0x2000 device configuration   0x5000 MSI-X pending bits
 *
 * KVM turns notifications into eventfds, so a request costs the guest no trip to this process.
 */
#include "hypervisor/virtio.h"

#include <assert.h>
#include <endian.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define AT_COMMON  0x0000
#define AT_STATUS  0x1000
#define AT_DEVICE  0x2000
#define AT_NOTIFY  0x3000
#define AT_TABLE   0x4000
#define AT_PENDING 0x5000
#define PART       0x1000
#define PER_QUEUE  4 /* bytes of notifications */

#define VENDOR           0x1af4
#define FIRST_DEVICE     0x1040
#define SUBSYSTEM        0x0040
#define DEVICE_BYTES_MAX 128

#define PER_TURN 32 /* requests, reads or writes */

#define INTERRUPT_QUEUE  0x01
#define INTERRUPT_CONFIG 0x02

static uint64_t offered(const struct virtio *virtio)
{
    return virtio->ops->features(virtio->device) | 1ULL << VIRTIO_F_VERSION_1 |
           1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VIRTIO_RING_F_EVENT_IDX;
}

bool virtio_accepted(const struct virtio *virtio, unsigned feature)
{
    return (virtio->state.accepted >> feature & 1) != 0;
}

bool virtio_ready(const struct virtio *virtio, unsigned queue)
{
    return (virtio->state.status & VIRTIO_CONFIG_S_DRIVER_OK) != 0 &&
           (virtio->state.status & VIRTIO_CONFIG_S_NEEDS_RESET) == 0 &&
           virtio->state.queues[queue].enabled;
}

/* ---- telling the guest ---- */

static void tell_config(struct virtio *virtio)
{
    virtio->state.interrupt |= INTERRUPT_CONFIG;
    pci_raise(&virtio->pci, virtio->state.config_vector);
}

void virtio_config_changed(struct virtio *virtio)
{
    pthread_mutex_lock(&virtio->lock);
    virtio->state.generation++;
    if ((virtio->state.status & VIRTIO_CONFIG_S_DRIVER_OK) != 0)
        tell_config(virtio);
    pthread_mutex_unlock(&virtio->lock);
}

void virtio_tell(struct virtio *virtio, unsigned number)
{
    struct queue *queue = &virtio->state.queues[number];

    if (!queue_wants_signal(queue, virtio->memory,
                            virtio_accepted(virtio, VIRTIO_RING_F_EVENT_IDX)))
        return;
    virtio->state.interrupt |= INTERRUPT_QUEUE;
    pci_raise(&virtio->pci, queue->vector);
}

static void break_down(struct virtio *virtio)
{
    virtio->state.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    tell_config(virtio);
}

/* ---- serving ---- */

static void kick(struct virtio *virtio, unsigned queue)
{
    const uint64_t one = 1;

    (void)!write(virtio->kicks[queue].source.fd, &one, sizeof(one));
}

bool virtio_spend(struct virtio *virtio)
{
    if (virtio->left == 0)
        return false;
    virtio->left--;
    return true;
}

int virtio_pop(struct virtio *virtio, unsigned queue, struct chain *chain)
{
    struct queue *q = &virtio->state.queues[queue];
    bool event = virtio_accepted(virtio, VIRTIO_RING_F_EVENT_IDX);
    int got;

    if (!virtio_spend(virtio))
        return 0;
    got = queue_pop(q, virtio->memory, chain);
    if (got == 0 && queue_rearm(q, virtio->memory, event))
        got = queue_pop(q, virtio->memory, chain);
    return got;
}

int virtio_peek(const struct virtio *virtio, unsigned queue, uint16_t ahead, struct chain *chain)
{
    return queue_peek(&virtio->state.queues[queue], virtio->memory, ahead, chain);
}

void virtio_push(struct virtio *virtio, unsigned queue, const struct chain *chain, uint32_t bytes)
{
    queue_push(&virtio->state.queues[queue], virtio->memory, chain->head, bytes);
}

void virtio_linger(struct virtio *virtio, unsigned queue)
{
    virtio_tell(virtio, queue);
    sched_yield();
}

void virtio_serve(struct virtio *virtio, unsigned queue)
{
    pthread_mutex_lock(&virtio->lock);
    if (virtio_ready(virtio, queue)) {
        int result;

        virtio->left = PER_TURN;
        result = virtio->ops->serve(virtio, virtio->device, queue);
        if (virtio->left == 0)
            kick(virtio, queue); /* there may be more */
        virtio_tell(virtio, queue);
        if (result < 0)
            break_down(virtio);
    }
    pthread_mutex_unlock(&virtio->lock);
}

static void kicked(void *arg, uint32_t events)
{
    struct virtio_kick *kick = arg;

    (void)events; /* its count is not read: only that it grows is waited for */
    virtio_serve(kick->virtio, (unsigned)(kick - kick->virtio->kicks));
}

/* A device without interrupts being served twice costs nothing; one that is not served hangs. */
static void kick_all(struct virtio *virtio)
{
    for (unsigned i = 0; i < virtio->ops->n_queues; i++)
        kick(virtio, i);
}

/* ---- the common configuration ---- */

static void reset(struct virtio *virtio)
{
    memset(&virtio->state, 0, sizeof(virtio->state));
    virtio->state.config_vector = PCI_NO_VECTOR;
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++) {
        virtio->state.queues[i].size = QUEUE_MAX;
        virtio->state.queues[i].vector = PCI_NO_VECTOR;
    }
    virtio->pci.state.pending = 0;
    if (virtio->ops->reset != NULL)
        virtio->ops->reset(virtio->device);
}

/* The registers as they read now. */
static struct virtio_pci_common_cfg common_registers(const struct virtio *virtio)
{
    static const struct queue none;
    const struct virtio_state *s = &virtio->state;
    const struct queue *queue =
        s->queue_select < virtio->ops->n_queues ? &s->queues[s->queue_select] : &none;
    uint64_t features = offered(virtio);
    struct virtio_pci_common_cfg r = {
        .device_feature_select = s->device_select,
        .device_feature = s->device_select < 2 ? (uint32_t)(features >> 32 * s->device_select) : 0,
        .guest_feature_select = s->driver_select,
        .guest_feature =
            s->driver_select < 2 ? (uint32_t)(s->accepted >> 32 * s->driver_select) : 0,
        .msix_config = s->config_vector,
        .num_queues = (uint16_t)virtio->ops->n_queues,
        .device_status = s->status,
        .config_generation = s->generation,
        .queue_select = s->queue_select,
        .queue_size = queue->size,
        .queue_msix_vector = queue->vector,
        .queue_enable = queue->enabled,
        .queue_notify_off = s->queue_select,
        .queue_desc_lo = (uint32_t)queue->descriptors,
        .queue_desc_hi = (uint32_t)(queue->descriptors >> 32),
        .queue_avail_lo = (uint32_t)queue->available,
        .queue_avail_hi = (uint32_t)(queue->available >> 32),
        .queue_used_lo = (uint32_t)queue->used,
        .queue_used_hi = (uint32_t)(queue->used >> 32),
    };

    return r;
}

static void write_status(struct virtio *virtio, uint8_t status)
{
    if (status == 0) {
        reset(virtio);
        return;
    }
    if ((virtio->state.accepted & ~offered(virtio)) != 0 ||
        !virtio_accepted(virtio, VIRTIO_F_VERSION_1))
        status &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
    if (((virtio->state.status | status) & VIRTIO_CONFIG_S_FEATURES_OK) == 0)
        status &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK; /* the order of 3.1.1 */
    virtio->state.status |= status;                    /* bits are only ever added: 2.1.1 */
    if ((status & VIRTIO_CONFIG_S_DRIVER_OK) != 0)
        kick_all(virtio); /* what was made available before */
}

static void enable_queue(struct virtio *virtio, struct queue *queue)
{
    if (!queue_valid(queue, virtio->memory)) {
        break_down(virtio);
        return;
    }
    queue->enabled = true;
    queue->next_available = queue->next_used = queue->signalled = 0;
}

static void set_half(uint64_t *word, bool high, uint32_t half)
{
    unsigned shift = high ? 32 : 0;

    *word = (*word & ~(0xffffffffULL << shift)) | (uint64_t)half << shift;
}

/* Its vector, or none when there is no such vector. */
static uint16_t vector(const struct virtio *virtio, uint64_t value)
{
    return value < virtio->pci.n_vectors ? (uint16_t)value : PCI_NO_VECTOR;
}

/* Rings stay where they are while the queue is in use. */
static void write_queue(struct virtio *virtio, uint64_t offset, uint32_t value)
{
    struct virtio_state *s = &virtio->state;
    struct queue *queue;

    if (s->queue_select >= virtio->ops->n_queues)
        return;
    queue = &s->queues[s->queue_select];
    if (offset == offsetof(struct virtio_pci_common_cfg, queue_msix_vector))
        queue->vector = vector(virtio, value);
    if (queue->enabled)
        return;
    switch (offset) {
    case offsetof(struct virtio_pci_common_cfg, queue_size):
        queue->size = (uint16_t)value;
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_enable):
        if (value == 1)
            enable_queue(virtio, queue);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_desc_lo):
    case offsetof(struct virtio_pci_common_cfg, queue_desc_hi):
        set_half(&queue->descriptors, offset % 8 != 0, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_avail_lo):
    case offsetof(struct virtio_pci_common_cfg, queue_avail_hi):
        set_half(&queue->available, offset % 8 != 0, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_used_lo):
    case offsetof(struct virtio_pci_common_cfg, queue_used_hi):
        set_half(&queue->used, offset % 8 != 0, value);
        break;
    }
}

static void write_common(struct virtio *virtio, uint64_t offset, uint32_t value)
{
    struct virtio_state *s = &virtio->state;

    switch (offset) {
    case offsetof(struct virtio_pci_common_cfg, device_feature_select):
        s->device_select = value;
        break;
    case offsetof(struct virtio_pci_common_cfg, guest_feature_select):
        s->driver_select = value;
        break;
    case offsetof(struct virtio_pci_common_cfg, guest_feature):
        if (s->driver_select < 2 && (s->status & VIRTIO_CONFIG_S_FEATURES_OK) == 0)
            set_half(&s->accepted, s->driver_select == 1, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, msix_config):
        s->config_vector = vector(virtio, value);
        break;
    case offsetof(struct virtio_pci_common_cfg, device_status):
        write_status(virtio, (uint8_t)value);
        break;
    case offsetof(struct virtio_pci_common_cfg, queue_select):
        s->queue_select = (uint16_t)value;
        break;
    default:
        write_queue(virtio, offset, value);
    }
}

/* ---- the window ---- */

static void device_read(const struct virtio *virtio, uint64_t offset, uint8_t *data, unsigned n)
{
    uint8_t bytes[DEVICE_BYTES_MAX] = {0};

    memset(data, 0, n);
    if (offset + n > virtio->ops->config_bytes)
        return;
    virtio->ops->config(virtio->device, bytes);
    memcpy(data, bytes + offset, n);
}

static void window_read(void *device, uint64_t offset, uint8_t *data, unsigned n)
{
    struct virtio *virtio = device;
    struct virtio_pci_common_cfg common;

    memset(data, 0, n);
    switch (offset / PART * PART) {
    case AT_COMMON:
        common = common_registers(virtio);
        if (offset + n <= sizeof(common))
            memcpy(data, (uint8_t *)&common + offset, n);
        break;
    case AT_STATUS:
        data[0] = virtio->state.interrupt;
        virtio->state.interrupt = 0;
        break;
    case AT_DEVICE:
        device_read(virtio, offset - AT_DEVICE, data, n);
        break;
    case AT_TABLE:
        pci_msix_read(&virtio->pci, offset - AT_TABLE, data, n);
        break;
    case AT_PENDING:
        pci_pending_read(&virtio->pci, offset - AT_PENDING, data, n);
        break;
    }
}

static void window_write(void *device, uint64_t offset, const uint8_t *data, unsigned n)
{
    struct virtio *virtio = device;

    switch (offset / PART * PART) {
    case AT_COMMON:
        if (n <= 4)
            write_common(virtio, offset, (uint32_t)bus_number(data, n));
        break;
    case AT_DEVICE:
        if (virtio->ops->config_write != NULL &&
            offset - AT_DEVICE + n <= virtio->ops->config_bytes)
            virtio->ops->config_write(virtio->device, offset - AT_DEVICE, data, n);
        break;
    case AT_NOTIFY:
        kick_all(virtio); /* KVM takes these, but for a write of a strange width */
        break;
    case AT_TABLE:
        pci_msix_write(&virtio->pci, offset - AT_TABLE, data, n);
        break;
    }
}

/* The window, through the configuration space: 4.1.4.9. That is memory, which the guest reads
 * without coming here; so what is in the window is fetched when its place is written. */
static void config_written(void *device, unsigned at, unsigned n)
{
    struct virtio *virtio = device;
    uint8_t *capability = virtio->pci.config + virtio->access;
    struct virtio_pci_cfg_cap c;
    uint32_t offset, length;

    if (at + n <= virtio->access || at >= virtio->access + sizeof(c))
        return;
    memcpy(&c, capability, sizeof(c));
    offset = le32toh(c.cap.offset);
    length = le32toh(c.cap.length);
    if (c.cap.bar != 0 || (length != 1 && length != 2 && length != 4) || offset % length != 0 ||
        offset >= PCI_BAR)
        return;
    if (at + n > virtio->access + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data))
        window_write(virtio, offset, c.pci_cfg_data, length);
    else
        window_read(virtio, offset, capability + sizeof(c.cap), length);
}

/* Whether KVM turns the notifications at this place of the window into eventfds. */
static void route_kicks(struct virtio *virtio, uint64_t window, bool on)
{
    for (unsigned i = 0; i < virtio->ops->n_queues; i++) {
        struct kvm_ioeventfd event = {.addr = window + AT_NOTIFY + i * PER_QUEUE,
                                      .fd = virtio->kicks[i].source.fd,
                                      .flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN};

        (void)ioctl(virtio->pci.vm, KVM_IOEVENTFD, &event); /* else they come as writes */
    }
}

static void window_moved(void *device, uint64_t from, uint64_t to)
{
    if (from != 0)
        route_kicks(device, from, false);
    if (to != 0)
        route_kicks(device, to, true);
}

void virtio_loaded(void *device)
{
    struct virtio *virtio = device;

    for (unsigned i = 0; i < virtio->ops->n_queues; i++) {
        struct queue *queue = &virtio->state.queues[i];

        if (queue->enabled && !queue_valid(queue, virtio->memory)) {
            queue->enabled = false;
            virtio->state.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
        }
    }
    pci_loaded(&virtio->pci);
    kick_all(virtio);
}

/* ---- making one ---- */

static void add_part(struct virtio *virtio, uint8_t type, uint32_t offset, uint32_t bytes)
{
    struct virtio_pci_notify_cap capability = {
        .cap = {.cap_vndr = PCI_CAP_ID_VNDR,
                .cap_len =
                    type == VIRTIO_PCI_CAP_NOTIFY_CFG ? sizeof(capability) : sizeof(capability.cap),
                .cfg_type = type,
                .offset = htole32(offset),
                .length = htole32(bytes)},
        .notify_off_multiplier = htole32(PER_QUEUE),
    };

    (void)pci_add_capability(&virtio->pci, &capability, capability.cap.cap_len);
}

static void add_access(struct virtio *virtio)
{
    const struct virtio_pci_cfg_cap capability = {.cap = {.cap_vndr = PCI_CAP_ID_VNDR,
                                                          .cap_len = sizeof(capability),
                                                          .cfg_type = VIRTIO_PCI_CAP_PCI_CFG}};
    uint8_t *writable;

    virtio->access = pci_add_capability(&virtio->pci, &capability, sizeof(capability));
    writable = virtio->pci.writable + virtio->access;
    writable[offsetof(struct virtio_pci_cap, bar)] = 0xff;
    memset(writable + offsetof(struct virtio_pci_cap, offset), 0xff,
           sizeof(capability) - offsetof(struct virtio_pci_cap, offset));
}

static int make_kicks(struct virtio *virtio, struct loop *loop, struct err *e)
{
    for (unsigned i = 0; i < virtio->ops->n_queues; i++) {
        struct virtio_kick *kick = &virtio->kicks[i];

        kick->virtio = virtio;
        kick->source =
            (struct loop_source){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), kicked, kick, 0};
        if (kick->source.fd < 0)
            return err_errno(e, "an eventfd");
        if (loop_add(loop, &kick->source, EPOLLIN | EPOLLET, e) < 0)
            return -1;
    }
    return 0;
}

int virtio_make(struct virtio *virtio, const struct virtio_machine *machine,
                const struct virtio_ops *ops, void *device, struct err *e)
{
    struct pci_identity identity = {.vendor = VENDOR,
                                    .device = (uint16_t)(FIRST_DEVICE + ops->id),
                                    .subsystem = (uint16_t)(SUBSYSTEM + ops->id),
                                    .class_code = ops->class_code,
                                    .revision = 1};

    assert(ops->n_queues <= VIRTIO_QUEUES && ops->config_bytes <= DEVICE_BYTES_MAX);
    pthread_mutex_init(&virtio->lock, NULL);
    virtio->ops = ops;
    virtio->device = device;
    virtio->memory = machine->memory;
    virtio->loop = machine->loop;
    virtio->pci.vm = machine->vm;
    virtio->pci.lock = &virtio->lock;
    virtio->pci.device = virtio;
    virtio->pci.read = window_read;
    virtio->pci.write = window_write;
    virtio->pci.moved = window_moved;
    virtio->pci.written = config_written;
    pci_plug(machine->pci, &virtio->pci);
    pci_identify(&virtio->pci, &identity);
    add_part(virtio, VIRTIO_PCI_CAP_COMMON_CFG, AT_COMMON, sizeof(struct virtio_pci_common_cfg));
    add_part(virtio, VIRTIO_PCI_CAP_ISR_CFG, AT_STATUS, 1);
    add_part(virtio, VIRTIO_PCI_CAP_DEVICE_CFG, AT_DEVICE, DEVICE_BYTES_MAX);
    add_part(virtio, VIRTIO_PCI_CAP_NOTIFY_CFG, AT_NOTIFY, ops->n_queues * PER_QUEUE);
    add_access(virtio);
    pci_add_msix(&virtio->pci, ops->n_queues + 1, AT_TABLE, AT_PENDING);
    reset(virtio);
    return make_kicks(virtio, machine->loop, e);
}
