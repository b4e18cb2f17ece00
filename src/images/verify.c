// SPDX-License-Identifier: GPL-3.0-or-later
/* verify.c: hashes a blob before anything is written on its word. Filling a partition hashes what
 * it really reads once more; this comes first, so that a damaged image costs nothing. */
#include "images/verify.h"
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/size.h"

#include <fcntl.h>
#include <string.h>

#define CHUNK MIB

static void free_digest(struct digest **digest)
{
    digest_free(*digest);
}

static int hash(int fd, const struct image *image, const char *what, char text[DIGEST_TEXT],
                struct ui *ui, struct err *e)
{
    _cleanup_(free_digest) struct digest *digest = digest_new(e);
    _cleanup_free_ void *buf = malloc(CHUNK);
    uint64_t done = 0;
    ssize_t got;

    if (digest == NULL)
        return -1;
    if (buf == NULL)
        return err_no_memory(e);
    while ((got = read(fd, buf, CHUNK)) > 0) {
        done += (uint64_t)got;
        digest_update(digest, buf, (size_t)got);
        if (ui_progress(ui, what, done, image->bytes, e) < 0)
            return -1;
    }
    if (got < 0)
        return err_errno(e, "%s", image->path);
    digest_finish(digest, text);
    return 0;
}

int image_verify(const struct image *image, struct ui *ui, struct err *e)
{
    _cleanup_close_ int fd = open(image->path, O_RDONLY | O_CLOEXEC);
    char text[DIGEST_TEXT], what[128];

    if (fd < 0)
        return err_errno(e, "the image %s: %s", image->name, image->path);
    snprintf(what, sizeof(what), "checking %s", image->name);
    if (hash(fd, image, what, text, ui, e) < 0)
        return -1;
    if (strcmp(text, image->digest) == 0)
        return 0;
    err_set(e, ERR_VERIFY, "the image %s is damaged: its bytes are not those that were added",
            image->name);
    return err_hint(e, "build or add it again under another name");
}
