// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs.h: what berth can do with each kind of filesystem. One row in fs.def and one file fs_NAME.c a
 * kind.
 *
 * Everything works on a blockdev: of the partition itself for making and looking, of an overlay
 * over it (block/overlay.h) for changing its size. External tools never see the disk.
 */
#ifndef BERTH_FS_FS_H
#define BERTH_FS_FS_H

#include "block/blockdev.h"
#include "core/err.h"
#include "core/guid.h"

struct fs_options {
    struct guid uuid;     /* of the filesystem: as much of it as the kind has room for */
    const char *label;    /* or NULL; ERR_USAGE when it is too long */
    uint64_t at;          /* where on the disk the partition starts, bytes (NTFS keeps it) */
    const char *key_file; /* LUKS: its passphrase is this file's bytes; else NULL */
};

/* What a filesystem's size can be, in bytes. */
struct fs_bounds {
    uint64_t now; /* what it takes of its partition */
    uint64_t
        least;     /* the smallest it can be shrunk to with some air; `now` when it cannot shrink */
    uint64_t most; /* the largest it can grow to; `now` when it cannot grow */
    uint64_t unit; /* its size is a multiple of this */
    uint64_t floor; /* below, its content cannot fit; from here to `least` only its tool can tell.
                       0: `least` is no estimate */
    uint64_t least_set; /* no smaller size can be set at all, by growing neither; 0: any can */
};

/* The smallest size that is worth trying. */
uint64_t fs_bounds_floor(const struct fs_bounds *bounds);

/* ERR_NO_SPACE when it certainly cannot be that large or small. bd is for the message. */
int fs_bounds_allow(const struct blockdev *bd, const struct fs_bounds *bounds, uint64_t bytes,
                    struct err *e);

/* Which blocks hold nothing. */
struct fs_free {
    uint64_t block;  /* bytes of one block */
    uint64_t blocks; /* how many `bits` has */
    uint8_t *bits;   /* bit n%8 of byte n/8: block n is free */
};

/* A program that it takes, and what does not work without. */
struct fs_program {
    const char *name, *purpose; /* "ntfsresize", "check, shrink, grow" */
};

/* The purpose of one that a filesystem which is there already does without. */
#define FS_ONLY_MAKES "make"

/* What is encrypted, with the file that has its key; as in struct fs_ops. */
struct fs_locked_ops {
    int (*bounds)(struct blockdev *bd, const char *key_file, struct fs_bounds *bounds,
                  struct err *e);
    /* overlay: of bd, which is the partition as it is */
    int (*resize)(struct blockdev *bd, struct blockdev *overlay, uint64_t bytes,
                  const char *key_file, struct err *e);
    int (*free_blocks)(struct blockdev *bd, const char *key_file, struct fs_free *free,
                       struct err *e);
    /* A number below 2^63, another one when the superblock in it was written. Without the key, and
     * so also when it was half written: it says nothing of work that was cut. */
    int (*written)(struct blockdev *bd, uint64_t *number, struct err *e);
};

struct fs_ops {
    const char *name;                  /* "ext4", as in --fs */
    const char *const *blkid;          /* what libblkid calls it, NULL at the end */
    const char *type;                  /* the partition type it goes with (partition/type.def) */
    const char *package;               /* the Debian package of its programs */
    const struct fs_program *programs; /* name NULL behind the last */
    uint64_t least;                    /* what one takes; 0: making one on trial says so */
    const char *grow, *shrink;         /* NULL: it can; else why it cannot, in words */
    const char *const *new_uuid; /* commands that give it another UUID, the device behind each; NULL
                                    at the end */
    const char *at_offset; /* between a file's name and a byte: how these commands are told of a
                              part of a file; NULL: they take none */

    /* Makes an empty one that fills the device, whatever was there. Does not flush. */
    int (*make)(struct blockdev *bd, const struct fs_options *options, struct err *e);

    /* ERR_REFUSED with the way out when it must not be changed now: hibernated, not cleanly
     * unmounted, to be checked first, encrypted, unknown features. Reads only. */
    int (*ready)(struct blockdev *bd, struct err *e);

    /* The same for a move that changes nothing in it: ERR_REFUSED when what sleeps in it knows its
     * place, or nobody but its own system can say what is wrong with it. NULL: it can always be
     * moved. */
    int (*movable)(struct blockdev *bd, struct err *e);

    /* Looks through all of it without writing; ERR_VERIFY says what is wrong. */
    int (*check)(struct blockdev *bd, struct err *e);

    int (*bounds)(struct blockdev *bd, struct fs_bounds *bounds, struct err *e);

    /* Changes its size on the overlay, which is at least old and new size large, and leaves it
     * clean. Looks through it before and after: ERR_VERIFY. The overlay ends up `bytes` large, so
     * that nothing behind them counts as changed. After a failure the overlay is good for nothing.
     */
    int (*resize)(struct blockdev *overlay, uint64_t bytes, struct err *e);

    /* Which blocks are free; `free->bits` is the caller's. NULL: not told. */
    int (*free_blocks)(struct blockdev *bd, struct fs_free *free, struct err *e);

    /* The time it was last written, as its superblock has it. NULL: it keeps none. */
    int (*written)(struct blockdev *bd, uint64_t *seconds, struct err *e);

    /* After the partition has moved to `at` (bytes): what the filesystem keeps of its place. NULL:
     * nothing. */
    int (*moved)(struct blockdev *bd, uint64_t at, struct err *e);

    /* Where the block begins by which its content is recognised, bytes, whole 4096. NULL: 0. */
    int (*head)(struct blockdev *bd, uint64_t *offset, struct err *e);

    /* What is in it, when somebody has the key. NULL: it is not encrypted. */
    const struct fs_locked_ops *locked;

    /* While it is mounted there: makes it fill its partition. NULL: it cannot. */
    int (*grow_mounted)(const char *node, const char *mountpoint, struct err *e);

    /* While it is mounted there: makes it that many bytes large on the node, its size and all on
     * the disk when it returns. NULL: it cannot. */
    int (*shrink_mounted)(const char *node, const char *mountpoint, uint64_t bytes, struct err *e);
};

/*
 * For what can change its size only while it is mounted (resize is NULL, grow_mounted or
 * shrink_mounted is not): mounts it where nobody else sees it, and changes it. `node` is a block
 * device's path; NULL: bd is (a range of) an ordinary file, and a loop device of our own serves.
 * bytes: what it shall have; 0: all of its partition. *empty: it had no file when all was done. Not
 * resumable: the filesystem itself keeps what a power cut leaves whole. ERR_REFUSED where the
 * kernel does not let us mount it: without root, or where it does not know the filesystem; nothing
 * was done then.
 */
int fs_resize_by_mount(const struct fs_ops *ops, struct blockdev *bd, const char *node,
                       uint64_t bytes, bool *empty, struct err *e);

/* NULL when there is none. */
const struct fs_ops *fs_by_name(const char *name);
const struct fs_ops *fs_by_blkid(const char *type);

/* All of them, in order; NULL behind the last. */
const struct fs_ops *fs_at(size_t i);

#endif
