// SPDX-License-Identifier: GPL-3.0-or-later
/* boot_reader.h: fetches a guest's kernel and initrd from its own root filesystem. Somebody else
 * wrote that filesystem: a jailed child reads it, and what comes back are bytes and a bounded text.
 */
#ifndef BERTH_FLOW_BOOT_READER_H
#define BERTH_FLOW_BOOT_READER_H

#include "block/blockdev.h"
#include "core/err.h"
#include "core/jail.h"

#define BOOT_VERSION_MAX 256

struct boot_files {
    int kernel;                     /* sealed memfd */
    int initrd;                     /* sealed memfd, or -1 when the kernel has none */
    char version[BOOT_VERSION_MAX]; /* of the kernel, printable */
};

/* Reads the newest kernel (newest_kernel.h) of at most 256 MiB and its initrd of at most 1 GiB from
 * the ext filesystem on root. fds: the descriptors that root reads through. name: the guest, for
 * messages. ERR_NOT_FOUND when there is no kernel. Closed with boot_files_close. */
int boot_reader_read(struct blockdev *root, const struct jail_fds *fds, const char *name,
                     struct boot_files *files, struct err *e);
void boot_files_close(struct boot_files *files);

#endif
