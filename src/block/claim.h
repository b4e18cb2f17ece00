// SPDX-License-Identifier: GPL-3.0-or-later
/* claim.h: locks on ranges of a file or device node, berth's own and QEMU's. Who else uses it:
 * holder.h. */
#ifndef BERTH_BLOCK_CLAIM_H
#define BERTH_BLOCK_CLAIM_H

#include "core/err.h"
#include "model/extent.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Fails with ERR_IN_USE when a QEMU has the file or device node open in a way that excludes
 * changing it (qemu/block/file-posix.c locks one byte for each permission it uses or forbids). */
int claim_check_qemu(int fd, const char *path, struct err *e);

/* The same for writing, of a file or device node that this process may not open. */
int claim_check_listed_qemu(const struct stat *file, const char *path, struct err *e);

/* The same as claim_check_qemu, and when the image file is behind a loop device or is swap. */
int claim_check_file_users(int fd, const char *path, struct err *e);

/* From now until the descriptor's last copy is closed, a QEMU does not open this file for writing.
 * Several may hold this at once. ERR_IN_USE when one has it open for writing already. */
int claim_keep_qemu_out(int fd, const char *path, struct err *e);

/* What a berth that was killed had claimed is free when those have died that it started, a little
 * later. Whoever finds something claimed calls this before each further try: it pauses, and is
 * false when a second of tries, from 0, is over. */
bool claim_wait(unsigned *tries);

/* Takes the range of an image file for this open file description (fcntl F_OFD_SETLK), exclusively.
 * ERR_IN_USE when another one still has a part of it after that second. */
int claim_lock_range(int fd, struct extent range, const char *what, struct err *e);

/* The same for who only reads: others may as well, and nobody takes it exclusively meanwhile. */
int claim_share_range(int fd, struct extent range, const char *what, struct err *e);

void claim_unlock_range(int fd, struct extent range);

/* True when another open file description has locked a part of the range. */
bool claim_range_is_locked(int fd, struct extent range);

#endif
