// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * nbd.h: serves a blockdev over one connected socket, as a Network Block Device with one export
 * whose name is empty. Source: the NBD project's doc/proto.md (fixed newstyle, simple replies).
 *
 * The peer is not trusted: every field is checked, memory is bounded, and what it does wrong costs
 * it a reply with an error or the connection.
 */
#ifndef BERTH_FLOW_NBD_H
#define BERTH_FLOW_NBD_H

#include "block/blockdev.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Serves until the peer leaves: returns 0 when it did so in order (NBD_CMD_DISC, NBD_OPT_ABORT or
 * the end of the stream between two requests), -1 with ERR_FAILED for what breaks the protocol.
 * Before it returns, everything written is flushed. The socket stays the caller's. */
int nbd_serve(int sock, struct blockdev *bd, struct err *e);

/* ---- between nbd.c and nbd_handshake.c ---- */

/* Receives exactly n bytes: 1, or 0 when the stream ended before the first of them. */
int nbd_receive(int sock, void *buf, size_t n, struct err *e);
int nbd_send(int sock, const void *buf, size_t n, struct err *e);

/* Takes n bytes off the stream and forgets them. */
int nbd_skip(int sock, uint64_t n, struct err *e);

/* "Newstyle negotiation": 1 when requests come next, 0 when the peer left. */
int nbd_handshake(int sock, const struct blockdev *bd, struct err *e);

#endif
