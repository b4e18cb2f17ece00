// SPDX-License-Identifier: GPL-3.0-or-later
/* boot_reader.h: fetches a guest's kernel and initrd from its own root filesystem. Somebody else
 * wrote that filesystem: a jailed child reads it, or GRUB's program in the jail (tree/grubfs.c),
 * and what comes back are bytes and bounded texts. */
#ifndef BERTH_RUN_BOOT_READER_H
#define BERTH_RUN_BOOT_READER_H

#include "block/blockdev.h"
#include "core/err.h"
#include "core/jail.h"
#include "model/record.h"

#define BOOT_VERSION_MAX 256

/* The kernel's beginning and end by which it is known (kernel_cache.h), and more than its header.
 */
#define BOOT_KERNEL_END ((size_t)64 << 10)

struct boot_files {
    int kernel;                     /* sealed memfd */
    int initrd;                     /* memfd, or -1 when the kernel has none */
    char version[BOOT_VERSION_MAX]; /* of the kernel, printable */
    bool by_grub;                   /* GRUB read the filesystem, which is not ext (root_folder.h) */
    char *word; /* for the command line, behind the system's own options, or NULL (root_folder.h) */
};

struct boot_source {
    struct blockdev *root;      /* its filesystem: ext, or one that GRUB reads */
    const struct jail_fds *fds; /* the descriptors that root reads through */
    const struct record_system
        *system;    /* for messages, and its kernel options say where its root is */
    const char *fs; /* the filesystem's kind, for messages; or NULL */
    bool ends;      /* of the kernel both ends only, with zeros between them */
};

/* Reads the newest kernel (newest_kernel.h) of at most 256 MiB and its initrd of at most 1 GiB.
 * ERR_REFUSED when the filesystem cannot be read, or has no kernel. Closed with boot_files_close.
 */
int boot_reader_read(const struct boot_source *source, struct boot_files *files, struct err *e);

/* Seals the initrd as well: nothing changes it from here on. */
int boot_files_seal(const struct boot_files *files, struct err *e);

/* The same from two files of the host; initrd NULL: none. ERR_NOT_FOUND, ERR_FAILED. */
int boot_files_copy(const char *kernel, const char *initrd, struct boot_files *files,
                    struct err *e);
void boot_files_close(struct boot_files *files);

#endif
