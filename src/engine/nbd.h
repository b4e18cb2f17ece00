// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * nbd.h: serves a blockdev over one connected socket, as a Network Block Device with one export
 * whose name is empty. Source: the NBD project's doc/proto.md (fixed newstyle, simple replies).
 *
 * The peer is not trusted: every field is checked, memory is bounded, and what it does wrong costs
 * it a reply with an error or the connection.
 */
#ifndef BERTH_ENGINE_NBD_H
#define BERTH_ENGINE_NBD_H

#include "block/blockdev.h"
#include "core/err.h"

/* Serves until the peer leaves: returns 0 when it did so in order (NBD_CMD_DISC, NBD_OPT_ABORT or
 * the end of the stream between two requests), -1 with ERR_FAILED for what breaks the protocol.
 * Before it returns, everything written is flushed. The socket stays the caller's. */
int nbd_serve(int sock, struct blockdev *bd, struct err *e);

#endif
