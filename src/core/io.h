// SPDX-License-Identifier: GPL-3.0-or-later
/* io.h: whole reads and writes of files and descriptors. */
#ifndef BERTH_CORE_IO_H
#define BERTH_CORE_IO_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Reads or writes exactly n bytes at the offset (bytes). A short read is an error. */
int io_pread(int fd, void *buf, size_t n, uint64_t offset, struct err *e);
int io_pwrite(int fd, const void *buf, size_t n, uint64_t offset, struct err *e);

/* Writes exactly n bytes at the descriptor's position. */
int io_write(int fd, const void *buf, size_t n, struct err *e);

/* Reads a whole file of at most max bytes into a new buffer with a NUL behind it, which the caller
 * frees. *len (may be NULL) is its length. ERR_NOT_FOUND when it does not exist. */
int io_read_file(const char *path, size_t max, char **data, size_t *len, struct err *e);

/* Replaces the file in one step: temporary file beside it, fsync, rename, fsync of the folder. */
int io_replace_file(const char *path, const void *data, size_t len, mode_t mode, struct err *e);

/* Makes sure that descriptors 0 to 2 are open, so that nothing that is opened later gets their
 * numbers, and no message goes into it. */
int io_fill_standard_fds(struct err *e);

/* Makes the entry of path in its folder survive a power cut. */
int io_sync_folder(const char *path, struct err *e);

/* Makes the folder and its parents (mode 0755). */
int io_make_dirs(const char *path, struct err *e);

/* Opens a sparse file of so many bytes in folder that has no name, and so is gone with its last
 * descriptor. Returns the descriptor, -1 on failure. */
int io_temporary_file(const char *folder, uint64_t bytes, struct err *e);

/* True when both are the same file, or nodes of the same block device. */
bool io_same_file(const struct stat *a, const struct stat *b);

/* The same for two paths, of which either need not exist: then they are the same text. */
bool io_same_path(const char *a, const char *b);

/* A new string like sprintf, which the caller frees; NULL with the err filled. */
char *io_format(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

#endif
