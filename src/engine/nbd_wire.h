// SPDX-License-Identifier: GPL-3.0-or-later
/* nbd_wire.h: whole messages over the connected socket, and the two phases that use it. For nbd*.c.
 */
#ifndef BERTH_ENGINE_NBD_WIRE_H
#define BERTH_ENGINE_NBD_WIRE_H

#include "block/blockdev.h"
#include "core/err.h"
#include "engine/nbd_protocol.h"

#include <stddef.h>
#include <stdint.h>

/* Receives exactly n bytes: 1, or 0 when the stream ended before the first of them. */
int nbd_receive(int sock, void *buf, size_t n, struct err *e);
int nbd_send(int sock, const void *buf, size_t n, struct err *e);

/* Takes n bytes off the stream and forgets them. */
int nbd_skip(int sock, uint64_t n, struct err *e);

/* nbd_handshake.c: "Newstyle negotiation": 1 when requests come next, 0 when the peer left. */
int nbd_handshake(int sock, const struct blockdev *bd, struct err *e);

#endif
