// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * format.c: looks for the signatures of format.def. The more specific ones stand first there: a
 * hybrid ISO has a partition table too. A tar has its own signature at 257, and wins over what its
 * first member's name or content may look like.
 */
#include "images/format.h"
#include "core/cleanup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#define HEAD_BYTES ((size_t)72 * 1024)

static const struct magic {
    const char *format;
    size_t offset;
    const char *bytes;
    size_t n;
} magics[] = {
#define MAGIC(format, offset, bytes) {format, offset, bytes, sizeof(bytes) - 1},
#include "images/format.def"
#undef MAGIC
};

static bool has(const char *head, size_t len, size_t offset, const char *bytes, size_t n)
{
    return offset + n <= len && memcmp(head + offset, bytes, n) == 0;
}

/* A vowel sound decides between "a" and "an". */
static const char *article(const char *format)
{
    return strchr("aeiou", format[0]) != NULL ? "an" : "a";
}

int format_check(const char *path, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *head = malloc(HEAD_BYTES);
    size_t len = 0;

    if (head == NULL)
        return err_no_memory(e);
    if (fd < 0)
        return err_errno(e, "%s", path);
    while (len < HEAD_BYTES) {
        ssize_t got = read(fd, head + len, HEAD_BYTES - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, "%s", path);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    if (has(head, len, 257, "ustar", 5))
        return 0;
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        const struct magic *m = &magics[i];

        if (!has(head, len, m->offset, m->bytes, m->n))
            continue;
        err_set(e, ERR_UNSUPPORTED, "%s: %s %s image is not supported yet", path,
                article(m->format), m->format);
        return err_hint(e, "give a tar of its files, compressed or not");
    }
    return 0;
}
