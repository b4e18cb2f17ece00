// SPDX-License-Identifier: GPL-3.0-or-later
/* virtio_rng.c: randomness from the host's kernel. Source: VIRTIO 1.2, 5.4. */
#include "hypervisor/virtio.h"

#include <sys/random.h>

#define AT_ONCE 256 /* bytes: what getrandom gives without a break */

static uint64_t features(const void *device)
{
    (void)device;
    return 0;
}

static int serve(struct virtio *virtio, void *device, unsigned queue)
{
    struct chain chain;
    int got;

    (void)device;
    while ((got = virtio_pop(virtio, queue, &chain)) > 0) {
        uint8_t random[AT_ONCE];
        ssize_t n = getrandom(random, sizeof(random), 0);

        virtio_push(virtio, queue, &chain, chain_fill(&chain, random, n > 0 ? (uint32_t)n : 0));
    }
    return got;
}

const struct virtio_ops virtio_rng_ops = {
    .name = "rng",
    .id = 4,
    .class_code = 0x00ff00,
    .n_queues = 1,
    .features = features,
    .serve = serve,
};
