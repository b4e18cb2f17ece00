// SPDX-License-Identifier: GPL-3.0-or-later
/* history_bytes.h: bytes as text that fits into JSON: zlib's format (RFC 1950) in base64. */
#ifndef BERTH_MODEL_HISTORY_BYTES_H
#define BERTH_MODEL_HISTORY_BYTES_H

#include "core/err.h"

#include <stddef.h>

/* A new string; NULL with the err filled. n: at most 4 MiB. */
char *bytes_pack(const void *bytes, size_t n, struct err *e);

/* The bytes, n of them and no other number, in a new buffer; NULL with the err filled. */
void *bytes_unpack(const char *text, size_t n, struct err *e);

#endif
