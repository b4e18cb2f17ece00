// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * initramfs.h: writes an initramfs: a cpio archive in the form "newc" (the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst). Folders come by themselves.
 */
#ifndef BERTH_INITRAMFS_INITRAMFS_H
#define BERTH_INITRAMFS_INITRAMFS_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

struct initramfs;

/* Writes to the descriptor, which stays the caller's: packed, or plain. NULL on failure. Plain it
 * works in a jail, too, when libarchive_load has been called. */
struct initramfs *initramfs_new(int fd, bool packed, struct err *e);

/* That folder is there already: it is in another archive that is unpacked before. */
int initramfs_knows(struct initramfs *ir, const char *folder, struct err *e);

/* A file with these bytes. Paths have no slash in front. */
int initramfs_add_data(struct initramfs *ir, const char *to, unsigned mode, const void *data,
                       size_t len, struct err *e);

/* The same, but unpacked where xz, zstd or gzip has packed them (kernel modules). */
int initramfs_add_unpacked(struct initramfs *ir, const char *to, unsigned mode, const void *data,
                           size_t len, struct err *e);

/* What is in a file, unpacked in the same way. */
int initramfs_add_file(struct initramfs *ir, const char *from, const char *to, unsigned mode,
                       struct err *e);

/* The program or library as `to`, and the libraries that it is linked with under the names that the
 * loader here finds them by. */
int initramfs_add_program(struct initramfs *ir, const char *from, const char *to, struct err *e);

/* Completes the archive. */
int initramfs_finish(struct initramfs *ir, struct err *e);

#define _cleanup_initramfs_ __attribute__((cleanup(initramfs_cleanup)))
void initramfs_cleanup(struct initramfs **ir);

#endif
