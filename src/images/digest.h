// SPDX-License-Identifier: GPL-3.0-or-later
/* digest.h: SHA-256 (FIPS 180-4) of bytes as they come. */
#ifndef BERTH_IMAGES_DIGEST_H
#define BERTH_IMAGES_DIGEST_H

#include "core/err.h"

#include <stddef.h>

#define DIGEST_TEXT (7 + 64 + 1) /* "sha256:", hex, NUL */

struct digest;

struct digest *digest_new(struct err *e); /* NULL with the err filled */
int digest_update(struct digest *digest, const void *buf, size_t n, struct err *e);

/* Writes "sha256:<hex>". Nothing may be added afterwards. */
int digest_finish(struct digest *digest, char text[DIGEST_TEXT], struct err *e);

void digest_free(struct digest *digest); /* NULL is allowed */

#endif
