// SPDX-License-Identifier: GPL-3.0-or-later
/* initrd.h: walks through what is in an initrd, as the kernel unpacks it: archives in the form
 * "newc", one behind the other, plain or packed. Somebody else made it: call this in a jail.
 * Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst. */
#ifndef BERTH_OS_INITRD_H
#define BERTH_OS_INITRD_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

#define INITRD_PATH_MAX 4096

struct initrd_entry {
    const char *path;    /* as stored, without "./" or slashes in front; "" is the root */
    unsigned mode;       /* with its type, as of stat(2) */
    uint64_t size;       /* bytes */
    const uint8_t *data; /* of a file that was wanted, with a NUL behind it; else NULL */
};

/* What the walk is for. Both pointers of an entry live until the call returns. */
struct initrd_visitor {
    /* True when the file's content is wanted, too; only up to 16 MiB are given. May be NULL. */
    int (*wants)(void *arg, const struct initrd_entry *entry);
    /* Each entry in turn. A negative return ends the walk and is returned. */
    int (*visit)(void *arg, const struct initrd_entry *entry, struct err *e);
    void *arg;
};

/* Walks through all of it. gzip, XZ, LZMA, Zstandard, LZ4 and bzip2 are unpacked; libarchive_load
 * has been called. What stands behind a packed archive is seen where that is gzip's; image makers
 * put the packed one last. ERR_VERIFY when it is damaged or is larger than any initramfs (2 GiB or
 * 500,000 entries unpacked), ERR_UNSUPPORTED for another packing. */
int initrd_walk(const void *bytes, uint64_t n, const struct initrd_visitor *visitor, struct err *e);

#endif
