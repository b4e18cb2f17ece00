// SPDX-License-Identifier: GPL-3.0-or-later
/* history_bytes.c: packs old bytes of the disk; what is unpacked never gets more room than the
 * caller said. */
#include "model/history_bytes.h"
#include "core/cleanup.h"

#include <nettle/base64.h>
#include <string.h>
#include <zlib.h>

char *bytes_pack(const void *bytes, size_t n, struct err *e)
{
    uLongf len = compressBound(n);
    _cleanup_free_ unsigned char *packed = malloc(len);
    _cleanup_free_ char *text = NULL;

    if (packed == NULL || compress2(packed, &len, bytes, n, Z_BEST_COMPRESSION) != Z_OK) {
        err_no_memory(e);
        return NULL;
    }
    text = calloc(1, BASE64_ENCODE_RAW_LENGTH(len) + 1);
    if (text == NULL) {
        err_no_memory(e);
        return NULL;
    }
    base64_encode_raw(text, len, packed);
    return steal(text);
}

/* The decoded length; 0: no base64. packed has room for BASE64_DECODE_LENGTH of it. */
static size_t decode(const char *text, unsigned char *packed)
{
    size_t len = strlen(text), got = len;
    struct base64_decode_ctx context;

    base64_decode_init(&context);
    if (base64_decode_update(&context, &got, packed, len, text) == 0 ||
        base64_decode_final(&context) == 0)
        return 0;
    return got;
}

void *bytes_unpack(const char *text, size_t n, struct err *e)
{
    _cleanup_free_ unsigned char *packed = malloc(BASE64_DECODE_LENGTH(strlen(text)) + 1);
    _cleanup_free_ void *bytes = malloc(n + 1);
    uLongf len = n;
    size_t packed_len;

    if (packed == NULL || bytes == NULL) {
        err_no_memory(e);
        return NULL;
    }
    packed_len = decode(text, packed);
    if (packed_len == 0 || uncompress(bytes, &len, packed, packed_len) != Z_OK || len != n) {
        err_set(e, ERR_SYNTAX, "expected %zu packed bytes", n);
        return NULL;
    }
    return steal(bytes);
}
