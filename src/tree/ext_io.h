// SPDX-License-Identifier: GPL-3.0-or-later
/* ext_io.h: lets libext2fs work on a blockdev. */
#ifndef BERTH_TREE_EXT_IO_H
#define BERTH_TREE_EXT_IO_H

#include "block/blockdev.h"
#include "core/err.h"

#include <ext2fs/ext2fs.h>
#include <stdbool.h>

/* One open filesystem. It must outlive fs, and does not own the device. */
struct ext_io {
    struct blockdev *bd;
    ext2_filsys fs;
    struct err err; /* the first failure of the device */
    bool failed;
};

/* Opens the filesystem that fills the device with libext2fs, `flags` as of ext2fs_open2
 * (EXT2_FLAG_RW, ...). No journal is replayed. */
int ext_io_open(struct ext_io *io, struct blockdev *bd, int flags, struct err *e);

/* Frees what open made and writes nothing. Allowed after a failed open. */
void ext_io_close(struct ext_io *io);

/* Fills *e from an error of libext2fs: the device's own words where it was the device, else
 * the library's. `what` says what was tried. Returns -1. */
int ext_io_error(struct ext_io *io, errcode_t code, const char *what, struct err *e);

#endif
