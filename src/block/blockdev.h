// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * blockdev.h: bytes at offsets. A whole disk, a file, a range of either, memory, a copy-on-write
 * layer and a recorder all look like this, and stack.
 *
 * Offsets and lengths are bytes, checked against the size before a driver sees them. Drivers allow
 * any alignment, but are fastest when buffer, offset and length are multiples of 4096. After
 * flush returns, everything written before it survives a power cut. One thread may write
 * while another reads or writes elsewhere.
 */
#ifndef BERTH_BLOCK_BLOCKDEV_H
#define BERTH_BLOCK_BLOCKDEV_H

#include "core/err.h"
#include "model/extent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blockdev;

struct blockdev_ops {
    const char *kind;
    int (*pread)(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e);
    int (*pwrite)(struct blockdev *bd, const void *buf, size_t n, uint64_t offset, struct err *e);
    /* The range reads as zeros afterwards. Optional: zeros are written where it is missing. */
    int (*zero)(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e);
    /* The range's content no longer matters (it may read as anything). Optional. */
    int (*discard)(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e);
    int (*flush)(struct blockdev *bd, struct err *e);
    /* The next range at or behind offset that may hold non-zero bytes; bytes 0: none. Optional. */
    int (*next_data)(struct blockdev *bd, uint64_t offset, struct extent *data, struct err *e);
    /* A descriptor that reads the range, and where in it the range starts, for libraries that want
     * one. It stays the driver's. Optional. */
    int (*fd_extent)(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                     struct err *e);
    void (*close)(struct blockdev *bd);
};

struct blockdev {
    const struct blockdev_ops *ops;
    uint64_t bytes;   /* size */
    unsigned sector;  /* logical sector size in bytes, 512 or 4096 */
    const char *name; /* for messages; owned by the driver */
};

int blockdev_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e);
int blockdev_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset, struct err *e);
int blockdev_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e);
int blockdev_discard(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e);
int blockdev_flush(struct blockdev *bd, struct err *e);
int blockdev_next_data(struct blockdev *bd, uint64_t offset, struct extent *data, struct err *e);

int blockdev_fd_extent(struct blockdev *bd, struct extent range, int *fd, uint64_t *start,
                       struct err *e);

/* Closes the top of a stack only: a layer does not own the one below. NULL is allowed. */
void blockdev_close(struct blockdev *bd);

#define _cleanup_blockdev_ __attribute__((cleanup(blockdev_cleanup)))
void blockdev_cleanup(struct blockdev **bd);

/* Copies the ranges of `from` that hold data to the same offsets of `to`, which must be at least as
 * large and already read as zeros elsewhere. */
int blockdev_copy_data(struct blockdev *from, struct blockdev *to, struct err *e);

/* ---- the drivers; each returns NULL with the err filled on failure ---- */

/* file.c: an ordinary file, opened read-only or for writing; sector as given. Large aligned
 * transfers go past the page cache where the filesystem allows it. */
struct blockdev *file_open(const char *path, bool writable, unsigned sector, struct err *e);

/* As file_open on a descriptor, which becomes the driver's (also on failure). */
struct blockdev *file_from_fd(int fd, const char *name, unsigned sector, struct err *e);

/* The same for a file that is gone with its last descriptor: a flush does nothing. */
struct blockdev *file_forgotten(int fd, const char *name, unsigned sector, struct err *e);

/* slice.c: a range of another device as a device of its own. */
struct blockdev *slice_open(struct blockdev *below, struct extent range, struct err *e);

/* What a slice is a range of, and where it starts there; NULL for what is none. */
struct blockdev *slice_below(struct blockdev *bd, uint64_t *start);

/* notice.c: passes everything through, and sets *changed before the first change; that may be
 * memory that is shared with another process. */
struct blockdev *notice_open(struct blockdev *below, bool *changed, struct err *e);

/* mem.c: sparse memory (a memfd), zeros at first. */
struct blockdev *mem_open(uint64_t bytes, unsigned sector, struct err *e);

/* A path by which the tools that this program starts can open it, as long as it is open here: so
 * they work on a stage and never see a disk. Returns path. */
#define MEM_PATH 64
char *mem_path(struct blockdev *mem, char path[MEM_PATH]);

/* overlay.c: reads through, keeps writes in an unlinked temporary file in folder, or in memory when
 * that is NULL. More in overlay.h. */
struct blockdev *overlay_open(struct blockdev *below, const char *folder, struct err *e);

/* trace.c: passes everything through and appends every write, zero, discard and flush to the log at
 * path (format: trace.h), for power-cut tests. */
struct blockdev *trace_open(struct blockdev *below, const char *path, struct err *e);

#endif
