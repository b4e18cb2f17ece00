// SPDX-License-Identifier: GPL-3.0-or-later
/* pack.h: compresses a stream of bytes into a file (Zstandard, RFC 8878). */
#ifndef BERTH_IMAGES_PACK_H
#define BERTH_IMAGES_PACK_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

struct pack;

/* fd is the caller's, written at its position. NULL with the err filled. */
struct pack *pack_open(int fd, struct err *e);

int pack_write(struct pack *pack, const void *buf, size_t n, struct err *e);

/* Ends the compressed stream. *in, *out: bytes before and after. */
int pack_finish(struct pack *pack, uint64_t *in, uint64_t *out, struct err *e);

void pack_close(struct pack *pack); /* NULL is allowed */

#define _cleanup_pack_ __attribute__((cleanup(pack_cleanup)))
void pack_cleanup(struct pack **pack);

#endif
