// SPDX-License-Identifier: GPL-3.0-or-later
/* claim.h: who uses a disk, a partition or an image file, in words; and locks on ranges of a file.
 */
#ifndef BERTH_BLOCK_CLAIM_H
#define BERTH_BLOCK_CLAIM_H

#include "core/err.h"
#include "model/extent.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the kernel does with a block device: "mounted on /", "swap", "held by dm-0". *holder is new,
 * or NULL when nobody uses it; *mountpoint (may be NULL) is new or NULL. */
int claim_device_holder(dev_t device, char **holder, char **mountpoint, struct err *e);

/* Fails with ERR_IN_USE when the image file is behind a loop device or open for writing in a QEMU
 * (qemu/block/file-posix.c: byte 100+n of the file is locked by who uses permission n, byte 200+n
 * by who forbids it to others; write is n = 1). */
int claim_check_file_users(int fd, const char *path, struct err *e);

/* From now until the descriptor's last copy is closed, a QEMU does not open this file for writing.
 * Several may hold this at once. */
int claim_keep_qemu_out(int fd, const char *path, struct err *e);

/* Takes the range of an image file for this open file description (fcntl F_OFD_SETLK), exclusively.
 * ERR_IN_USE when another one has a part of it. */
int claim_lock_range(int fd, struct extent range, const char *what, struct err *e);

void claim_unlock_range(int fd, struct extent range);

/* True when another open file description has locked a part of the range. */
bool claim_range_is_locked(int fd, struct extent range);

#endif
