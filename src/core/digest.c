// SPDX-License-Identifier: GPL-3.0-or-later
/* digest.c: SHA-256 through libnettle, which uses the processor's own instructions and is loaded in
 * a fraction of libcrypto's time. */
#include "core/digest.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct digest {
    struct sha256_ctx context;
};

struct digest *digest_new(struct err *e)
{
    struct digest *digest = malloc(sizeof(*digest));

    if (digest == NULL) {
        err_no_memory(e);
        return NULL;
    }
    sha256_init(&digest->context);
    return digest;
}

void digest_update(struct digest *digest, const void *buf, size_t n)
{
    sha256_update(&digest->context, n, buf);
}

static void hex_of(const unsigned char bytes[DIGEST_BYTES], char hex[DIGEST_HEX])
{
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

void digest_finish(struct digest *digest, char text[DIGEST_TEXT])
{
    unsigned char bytes[DIGEST_BYTES];

    sha256_digest(&digest->context, sizeof(bytes), bytes);
    strcpy(text, "sha256:");
    hex_of(bytes, text + 7);
}

void digest_free(struct digest *digest)
{
    free(digest);
}

void digest_of(const void *buf, size_t n, unsigned char digest[DIGEST_BYTES])
{
    struct sha256_ctx context;

    sha256_init(&context);
    sha256_update(&context, n, buf);
    sha256_digest(&context, DIGEST_BYTES, digest);
}

void digest_hex_of(const void *buf, size_t n, char hex[DIGEST_HEX])
{
    unsigned char bytes[DIGEST_BYTES];

    digest_of(buf, n, bytes);
    hex_of(bytes, hex);
}
