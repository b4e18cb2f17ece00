// SPDX-License-Identifier: GPL-3.0-or-later
/* virtio_console.c: two queues and a descriptor. When the outside does not take more, requests stay
 * in the queue until it does. Source: VIRTIO 1.2, 5.3. */
#include "hypervisor/virtio_console.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_console.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { RECEIVE, TRANSMIT, QUEUES };

#define AT_ONCE 4096
#define PIECE   65536 /* bytes of one write */

static uint64_t features(const void *device)
{
    (void)device;
    return 1ULL << VIRTIO_CONSOLE_F_SIZE;
}

static void config(const void *device, uint8_t *bytes)
{
    const struct virtio_console *console = device;
    struct virtio_console_config c = {.cols = htole16(console->columns),
                                      .rows = htole16(console->rows)};

    memcpy(bytes, &c, sizeof(c));
}

static void wait_for(struct virtio_console *console, uint32_t event, bool on)
{
    uint32_t events = console->line.events;

    loop_change(console->virtio.loop, &console->line, on ? events | event : events & ~event);
}

/* Writes what the guest gives. Returns false when the outside takes no more now, or others have
 * waited long enough. */
static bool write_out(struct virtio_console *console, struct chain *chain)
{
    for (unsigned i = 0; i < chain->n_out; i++) {
        struct segment *segment = &chain->segments[i];

        while (segment->bytes > 0) {
            uint32_t bytes = segment->bytes < PIECE ? segment->bytes : PIECE;
            ssize_t put;

            if (!virtio_spend(&console->virtio))
                return false;
            put = write(console->line.fd, segment->data, bytes);
            if (put < 0 && errno == EAGAIN)
                return false;
            if (put < 0 && errno != EINTR)
                return true; /* nobody is there any more: it is lost */
            put = put > 0 ? put : 0;
            console->state.sent += (uint32_t)put;
            segment->data += put;
            segment->bytes -= (uint32_t)put;
        }
    }
    return true;
}

static int transmit(struct virtio *virtio, struct virtio_console *console)
{
    struct chain chain;
    int got;

    while ((got = virtio_pop(virtio, TRANSMIT, &chain)) > 0) {
        bool all;

        if (segments_bytes(chain_out(&chain), chain.n_out) > UINT32_MAX)
            return -1; /* `sent` could not count them */
        (void)chain_take(&chain, NULL, console->state.sent);
        all = write_out(console, &chain);
        wait_for(console, EPOLLOUT, !all);
        if (!all) {
            queue_unpop(&virtio->state.queues[TRANSMIT]);
            return 0;
        }
        console->state.sent = 0;
        virtio_push(virtio, TRANSMIT, &chain, 0);
    }
    return got;
}

/* One read a request: a guest that wants more gives more. */
static int receive(struct virtio *virtio, struct virtio_console *console)
{
    struct chain chain;
    int got;

    while ((got = virtio_pop(virtio, RECEIVE, &chain)) > 0) {
        uint8_t data[AT_ONCE];
        uint64_t room = segments_bytes(chain_in(&chain), chain.n_in);
        ssize_t n = read(console->line.fd, data, room < AT_ONCE ? room : AT_ONCE);

        if (n <= 0) {
            queue_unpop(&virtio->state.queues[RECEIVE]);
            wait_for(console, EPOLLIN, n < 0);
            return 0;
        }
        virtio_push(virtio, RECEIVE, &chain, chain_fill(&chain, data, (uint32_t)n));
    }
    wait_for(console, EPOLLIN, false); /* until the guest has room again */
    return got;
}

static int serve(struct virtio *virtio, void *device, unsigned queue)
{
    return queue == TRANSMIT ? transmit(virtio, device) : receive(virtio, device);
}

static void reset(void *device)
{
    struct virtio_console *console = device;

    console->state.sent = 0;
}

static void line_ready(void *arg, uint32_t events)
{
    struct virtio_console *console = arg;

    wait_for(console, events & (EPOLLIN | EPOLLOUT), false); /* each asks again when it must */
    if ((events & EPOLLIN) != 0)
        virtio_serve(&console->virtio, RECEIVE);
    if ((events & EPOLLOUT) != 0)
        virtio_serve(&console->virtio, TRANSMIT);
}

const struct virtio_ops virtio_console_ops = {
    .name = "console",
    .id = 3,
    .class_code = 0x078000, /* communication, other */
    .n_queues = QUEUES,
    .config_bytes = sizeof(struct virtio_console_config),
    .state_bytes = sizeof(struct virtio_console_state),
    .features = features,
    .config = config,
    .serve = serve,
    .reset = reset,
};

int virtio_console_make(struct virtio_console *console, const struct virtio_machine *machine,
                        int fd, struct err *e)
{
    console->line = (struct loop_source){fd, line_ready, console, 0};
    if (virtio_make(&console->virtio, machine, &virtio_console_ops, console, e) < 0)
        return -1;
    return loop_add(machine->loop, &console->line, 0, e);
}

void virtio_console_resize(struct virtio_console *console, uint16_t columns, uint16_t rows)
{
    console->columns = columns;
    console->rows = rows;
    virtio_config_changed(&console->virtio);
}
