// SPDX-License-Identifier: GPL-3.0-or-later
/* virtio_net.c: frames both ways, without offloads. What comes from outside is as untrusted as what
 * comes from the guest. Source: VIRTIO 1.2, 5.1. */
#include "hypervisor/virtio_net.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { RECEIVE, TRANSMIT, QUEUES };

#define HEADER sizeof(struct virtio_net_hdr_v1)

static uint64_t features(const void *device)
{
    (void)device;
    return 1ULL << VIRTIO_NET_F_MAC;
}

static void config(const void *device, uint8_t *bytes)
{
    const struct virtio_net *net = device;

    memcpy(bytes, net->mac, NET_MAC);
}

static void wait_for(struct virtio_net *net, uint32_t event, bool on)
{
    uint32_t events = net->line.events;

    loop_change(net->virtio.loop, &net->line, on ? events | event : events & ~event);
}

/* ---- to the outside ---- */

/* Puts the guest's frame into `out`; false when it is too long. */
static bool take_frame(struct virtio_net *net, struct chain *chain)
{
    uint64_t bytes = segments_bytes(chain_out(chain), chain->n_out);
    uint32_t length, prefix = net->stream ? NET_LENGTH : 0;

    if (bytes <= HEADER || bytes - HEADER > NET_FRAME_MAX)
        return false;
    length = htobe32((uint32_t)(bytes - HEADER));
    memcpy(net->out, &length, prefix);
    net->sent = 0;
    net->n_out = prefix + (uint32_t)(bytes - HEADER);
    return chain_take(chain, NULL, HEADER) &&
           chain_take(chain, net->out + prefix, (uint32_t)(bytes - HEADER));
}

/* Returns false when the outside takes no more now. A tap that is full loses the frame, as a wire
 * does. */
static bool send_frame(struct virtio_net *net)
{
    while (net->sent < net->n_out) {
        ssize_t put = write(net->line.fd, net->out + net->sent, net->n_out - net->sent);

        if (put < 0 && errno == EAGAIN && net->stream)
            return false;
        if (put < 0 && errno != EINTR)
            break;
        net->sent += put > 0 ? (uint32_t)put : 0;
    }
    net->n_out = net->sent = 0;
    return true;
}

static int transmit(struct virtio *virtio, struct virtio_net *net)
{
    struct chain chain;
    int got = 0;

    while (send_frame(net) && (got = virtio_pop(virtio, TRANSMIT, &chain)) > 0) {
        if (!take_frame(net, &chain))
            net->n_out = 0;
        virtio_push(virtio, TRANSMIT, &chain, 0);
    }
    wait_for(net, EPOLLOUT, net->n_out > 0);
    return got < 0 ? -1 : 0;
}

/* ---- from the outside ---- */

/* The length of the first frame in `in`, which begins at *at; 0 when it is not whole yet, -1 when
 * the stream makes no sense. */
static int64_t first_frame(const struct virtio_net *net, uint32_t *at)
{
    uint32_t length;

    *at = 0;
    if (!net->stream || net->n_in == 0)
        return net->n_in;
    if (net->n_in < NET_LENGTH)
        return 0;
    memcpy(&length, net->in, NET_LENGTH);
    length = be32toh(length);
    *at = NET_LENGTH;
    if (length == 0 || length > NET_FRAME_MAX)
        return -1;
    return net->n_in - NET_LENGTH >= length ? length : 0;
}

static void drop_first(struct virtio_net *net, uint32_t bytes)
{
    net->n_in -= bytes;
    memmove(net->in, net->in + bytes, net->n_in);
}

/* Gives the guest the frame; one that its buffer has no room for is lost. */
static void deliver(struct virtio *virtio, struct chain *chain, const uint8_t *frame,
                    uint32_t bytes)
{
    struct virtio_net_hdr_v1 header = {.num_buffers = htole16(1)};
    uint8_t whole[HEADER + NET_FRAME_MAX];

    memcpy(whole, &header, HEADER);
    memcpy(whole + HEADER, frame, bytes);
    if (segments_bytes(chain_in(chain), chain->n_in) < HEADER + bytes)
        queue_unpop(&virtio->state.queues[RECEIVE]);
    else
        virtio_push(virtio, RECEIVE, chain, chain_fill(chain, whole, (uint32_t)HEADER + bytes));
}

/* Delivers whole frames while the guest has room. Returns 1 when it wants more from outside, 0 when
 * the guest has no room, -1 when it broke the rules. */
static int deliver_frames(struct virtio *virtio, struct virtio_net *net)
{
    struct chain chain;
    int64_t length;
    uint32_t at;
    int got;

    while ((length = first_frame(net, &at)) > 0) {
        got = virtio_pop(virtio, RECEIVE, &chain);
        if (got <= 0)
            return got;
        deliver(virtio, &chain, net->in + at, (uint32_t)length);
        drop_first(net, at + (uint32_t)length);
    }
    if (length < 0)
        net->n_in = 0;
    return 1;
}

static int receive(struct virtio *virtio, struct virtio_net *net)
{
    const size_t most = net->stream ? sizeof(net->in) : NET_FRAME_MAX;
    int more;

    while ((more = deliver_frames(virtio, net)) > 0 && virtio_spend(virtio)) {
        ssize_t n = read(net->line.fd, net->in + net->n_in, most - net->n_in);

        if (n <= 0) {
            wait_for(net, EPOLLIN, n < 0 && (errno == EAGAIN || errno == EINTR));
            return 0;
        }
        net->n_in += (uint32_t)n;
    }
    wait_for(net, EPOLLIN, more > 0); /* else when the guest has room again */
    return more < 0 ? -1 : 0;
}

static int serve(struct virtio *virtio, void *device, unsigned queue)
{
    return queue == TRANSMIT ? transmit(virtio, device) : receive(virtio, device);
}

static void line_ready(void *arg, uint32_t events)
{
    struct virtio_net *net = arg;

    wait_for(net, events & (EPOLLIN | EPOLLOUT), false); /* each asks again when it must */
    if ((events & EPOLLIN) != 0)
        virtio_serve(&net->virtio, RECEIVE);
    if ((events & EPOLLOUT) != 0)
        virtio_serve(&net->virtio, TRANSMIT);
}

const struct virtio_ops virtio_net_ops = {
    .name = "net",
    .id = 1,
    .class_code = 0x020000, /* network, Ethernet */
    .n_queues = QUEUES,
    .config_bytes = NET_MAC,
    .features = features,
    .config = config,
    .serve = serve,
};

int virtio_net_make(struct virtio_net *net, const struct virtio_machine *machine, int fd,
                    bool stream, const uint8_t mac[NET_MAC], struct err *e)
{
    net->line = (struct loop_source){fd, line_ready, net, 0};
    net->stream = stream;
    memcpy(net->mac, mac, NET_MAC);
    if (virtio_make(&net->virtio, machine, &virtio_net_ops, net, e) < 0)
        return -1;
    return loop_add(machine->loop, &net->line, 0, e);
}
