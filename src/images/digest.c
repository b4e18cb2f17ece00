// SPDX-License-Identifier: GPL-3.0-or-later
/* digest.c: SHA-256 through libcrypto, which uses the processor's own instructions. */
#include "images/digest.h"
#include "core/cleanup.h"

#include <openssl/evp.h>
#include <string.h>

struct digest {
    EVP_MD_CTX *context;
};

static int failed(struct err *e)
{
    return err_set(e, ERR_FAILED, "libcrypto cannot compute SHA-256");
}

struct digest *digest_new(struct err *e)
{
    struct digest *digest = calloc(1, sizeof(*digest));

    if (digest == NULL) {
        err_no_memory(e);
        return NULL;
    }
    digest->context = EVP_MD_CTX_new();
    if (digest->context == NULL || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
        failed(e);
        digest_free(digest);
        return NULL;
    }
    return digest;
}

int digest_update(struct digest *digest, const void *buf, size_t n, struct err *e)
{
    return EVP_DigestUpdate(digest->context, buf, n) == 1 ? 0 : failed(e);
}

int digest_finish(struct digest *digest, char text[DIGEST_TEXT], struct err *e)
{
    unsigned char bytes[32];

    if (EVP_DigestFinal_ex(digest->context, bytes, NULL) != 1)
        return failed(e);
    strcpy(text, "sha256:");
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(text + 7 + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

void digest_free(struct digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}
