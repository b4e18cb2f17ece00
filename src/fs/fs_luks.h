// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_luks.h: the parts of LUKS's row. For fs_luks*.c only. */
#ifndef BERTH_FS_FS_LUKS_H
#define BERTH_FS_FS_LUKS_H

#include "fs/fs.h"

/* ---- fs_luks_header.c ---- */

/* Where the encrypted data begins, bytes. ERR_UNSUPPORTED for what is no LUKS2 with one segment up
 * to the device's end: LUKS1, one with a size of its own, with integrity, or half reencrypted. */
int fs_luks_data(struct blockdev *bd, uint64_t *offset, struct err *e);

/* A number that stands for the first encrypted block, which has the superblock of what is in it. */
int fs_luks_written(struct blockdev *bd, uint64_t *number, struct err *e);

/* ERR_REFUSED for a LUKS2 that is in the middle of being encrypted anew: it counts on its size. */
int fs_luks_settled(struct blockdev *bd, struct err *e);

/* ---- fs_luks_open.c ---- */

/* A container that is open under a private name. */
struct fs_luks {
    struct blockdev *bd; /* what is in it */
    uint64_t data;       /* where that begins in the container, bytes */
    int loop;
    char node[64]; /* of the mapping */
};

/* Opens it with the key file. The mapping goes with `bd`, whatever becomes of this process.
 * ERR_REFUSED with the way out without root or device mapper, or when the key does not fit. */
int fs_luks_open(struct fs_luks *luks, struct blockdev *container, bool writable,
                 const char *key_file, struct err *e);
void fs_luks_close(struct fs_luks *luks);

#define _cleanup_luks_ __attribute__((cleanup(fs_luks_close)))

/* fs_luks_resize.c */
extern const struct fs_locked_ops fs_luks_locked;

#endif
