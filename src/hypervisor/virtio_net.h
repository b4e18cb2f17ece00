// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * virtio_net.h: a network card on a descriptor: a tap device (a frame each read and write), or a
 * stream socket on which every frame follows its length (passt(1), and QEMU's stream backend: four
 * bytes, big-endian).
 *
 * Source: VIRTIO 1.2, 5.1.
 */
#ifndef BERTH_HYPERVISOR_VIRTIO_NET_H
#define BERTH_HYPERVISOR_VIRTIO_NET_H

#include "hypervisor/virtio.h"

#define NET_MAC       6
#define NET_FRAME_MAX 65535
#define NET_LENGTH    4 /* bytes in front of a frame on a stream */

struct virtio_net {
    struct virtio virtio;
    struct loop_source line; /* the outside; non-blocking */
    bool stream;
    uint8_t mac[NET_MAC];
    /* From the outside: whole frames and the beginning of another. */
    uint8_t in[NET_LENGTH + NET_FRAME_MAX];
    uint32_t n_in;
    /* To the outside: the rest of one frame that it has not taken yet. */
    uint8_t out[NET_LENGTH + NET_FRAME_MAX];
    uint32_t n_out, sent;
};

/* fd: the tap (stream false) or the socket. mac: of the guest's card. */
int virtio_net_make(struct virtio_net *net, const struct virtio_machine *machine, int fd,
                    bool stream, const uint8_t mac[NET_MAC], struct err *e);

#endif
