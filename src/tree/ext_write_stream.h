// SPDX-License-Identifier: GPL-3.0-or-later
/* ext_write_stream.h: gathers bytes into large aligned writes that a thread of its own makes. */
#ifndef BERTH_TREE_EXT_WRITE_STREAM_H
#define BERTH_TREE_EXT_WRITE_STREAM_H

#include "block/blockdev.h"
#include "core/err.h"

struct ext_stream;

/* NULL with the err filled on failure. Does not own the device; until finish, only the stream
 * writes to the parts of it that it was given bytes for. */
struct ext_stream *ext_stream_open(struct blockdev *bd, struct err *e);

/* Takes n bytes (buf NULL: zeros) for the offset. Bytes that follow those given last are joined
 * with them. They are copied: buf is the caller's again. A write that failed earlier is reported
 * here. */
int ext_stream_put(struct ext_stream *stream, uint64_t offset, const void *buf, uint64_t n,
                   struct err *e);

/* Waits until everything is written (not flushed) and ends the thread; no put after it. */
int ext_stream_finish(struct ext_stream *stream, struct err *e);

/* Ends the thread; what is not written yet may be lost. NULL is allowed. */
void ext_stream_close(struct ext_stream *stream);

#endif
