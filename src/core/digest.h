// SPDX-License-Identifier: GPL-3.0-or-later
/* digest.h: SHA-256 (FIPS 180-4) of bytes as they come. */
#ifndef BERTH_CORE_DIGEST_H
#define BERTH_CORE_DIGEST_H

#include "core/err.h"

#include <stddef.h>

#define DIGEST_BYTES 32
#define DIGEST_HEX   (2 * DIGEST_BYTES + 1)
#define DIGEST_TEXT  (7 + DIGEST_HEX) /* "sha256:", hex, NUL */

struct digest;

struct digest *digest_new(struct err *e); /* NULL with the err filled */
void digest_update(struct digest *digest, const void *buf, size_t n);

/* Writes "sha256:<hex>". Nothing may be added afterwards. */
void digest_finish(struct digest *digest, char text[DIGEST_TEXT]);

void digest_free(struct digest *digest); /* NULL is allowed */

/* The digest of n bytes at once, and the same in hexadecimal digits. */
void digest_of(const void *buf, size_t n, unsigned char digest[DIGEST_BYTES]);
void digest_hex_of(const void *buf, size_t n, char hex[DIGEST_HEX]);

#endif
