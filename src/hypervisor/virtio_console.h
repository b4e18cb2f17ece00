// SPDX-License-Identifier: GPL-3.0-or-later
/* virtio_console.h: a terminal with a size. Source: VIRTIO 1.2, 5.3. */
#ifndef BERTH_HYPERVISOR_VIRTIO_CONSOLE_H
#define BERTH_HYPERVISOR_VIRTIO_CONSOLE_H

#include "hypervisor/virtio.h"

/* What a saved machine keeps of it. */
struct virtio_console_state {
    uint32_t sent; /* bytes of the first request in the queue that have gone out already */
};

struct virtio_console {
    struct virtio_console_state state;
    struct virtio virtio;
    struct loop_source line; /* the outside; non-blocking */
    uint16_t columns, rows;
};

/* fd: what the terminal's bytes go to and come from. */
int virtio_console_make(struct virtio_console *console, const struct virtio_machine *machine,
                        int fd, struct err *e);

/* From the device loop: the window has another size. */
void virtio_console_resize(struct virtio_console *console, uint16_t columns, uint16_t rows);

#endif
