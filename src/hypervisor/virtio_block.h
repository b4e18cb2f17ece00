// SPDX-License-Identifier: GPL-3.0-or-later
/* virtio_block.h: the guest's disk. Source: VIRTIO 1.2, 5.2. */
#ifndef BERTH_HYPERVISOR_VIRTIO_BLOCK_H
#define BERTH_HYPERVISOR_VIRTIO_BLOCK_H

#include "hypervisor/storage.h"
#include "hypervisor/virtio.h"

#define VIRTIO_BLOCK_BOUNCE (64U << 10) /* bytes */

struct virtio_block {
    struct virtio virtio;
    struct storage storage;
    unsigned pace; /* turns since several requests were waiting together, from 0 again at times */
    /* where small segments are put together */
    uint8_t bounce[VIRTIO_BLOCK_BOUNCE] __attribute__((aligned(STORAGE_ALIGNED)));
};

#endif
