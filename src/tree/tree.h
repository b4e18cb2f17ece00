// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * tree.h: files in folders. An ext filesystem, the FAT of the ESP, a tar stream and a mounted
 * folder all look like this; each driver does the part of it that it can.
 *
 * Paths are relative to the tree's root, without a leading or trailing slash; "" is the root
 * itself. A driver accepts no path with an empty, "." or ".." component (tree_path_clean makes or
 * refuses one), and follows no symlink by itself: tree_read_file and tree_find do, inside the tree.
 */
#ifndef BERTH_TREE_TREE_H
#define BERTH_TREE_TREE_H

#include "block/blockdev.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tree_type {
    TREE_FILE,
    TREE_DIR,
    TREE_SYMLINK,
    TREE_HARDLINK, /* only from next and in put: another name of `target` */
    TREE_CHAR,
    TREE_BLOCK,
    TREE_FIFO,
    TREE_SOCKET,
};

struct tree_xattr {
    const char *name;  /* with its prefix: "security.capability", "system.posix_acl_access" */
    const void *value; /* as getxattr returns it */
    size_t len;
};

struct tree_entry {
    const char *path;
    enum tree_type type;
    unsigned mode; /* permission, set-id and sticky bits only (07777) */
    uint32_t uid, gid;
    int64_t mtime; /* seconds since 1970 */
    uint32_t mtime_nsec;
    uint64_t size;         /* of a file, in bytes */
    const char *target;    /* of a symlink (as stored) or hardlink (a path in the tree) */
    unsigned major, minor; /* of a device */
    const struct tree_xattr *xattrs;
    size_t n_xattrs;
    const struct extent *data; /* the ranges of a sparse file that hold data, ascending */
    size_t n_data;
    bool sparse; /* when false, data is not set and the whole file is data */
};

/* The content of a file being put: gives the next piece (any size; pieces ascend and may leave
 * holes, which read as zeros). Returns 1 with a piece, 0 at the end, -1 on failure. The piece stays
 * valid until the next call. */
struct tree_source {
    int (*next)(struct tree_source *source, const void **buf, size_t *n, uint64_t *offset,
                struct err *e);
};

struct tree;

struct tree_ops {
    const char *kind;
    /* stream: the next entry (1), none (0), failure (-1); what it points to lives until the next
     * call. Duplicates may come, the later one counts. */
    int (*next)(struct tree *tree, struct tree_entry *entry, struct err *e);
    /* stream: the content of the entry that next gave last */
    struct tree_source *(*content)(struct tree *tree);
    /* lookup: one entry, ERR_NOT_FOUND when it is not there; pointers live until the next call */
    int (*stat)(struct tree *tree, const char *path, struct tree_entry *entry, struct err *e);
    /* lookup: calls each() with the name of every entry of a folder except . and .., in any order;
     * a non-zero return ends it and is returned */
    int (*list)(struct tree *tree, const char *path,
                int (*each)(void *arg, const char *name, enum tree_type type), void *arg,
                struct err *e);
    /* lookup: up to n bytes of a file at offset; *got is less only at its end */
    int (*read)(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
                size_t *got, struct err *e);
    /* change: makes or replaces one entry; parents are made where missing. content may be NULL */
    int (*put)(struct tree *tree, const struct tree_entry *entry, struct tree_source *content,
               struct err *e);
    /* change: removes a file or an empty folder; not an error when it is not there */
    int (*remove)(struct tree *tree, const char *path, struct err *e);
    /* change: writes inside an existing file's allocated bytes, touching nothing else */
    int (*overwrite)(struct tree *tree, const char *path, uint64_t offset, const void *buf,
                     size_t n, struct err *e);
    /* everything changed so far survives a power cut after it */
    int (*sync)(struct tree *tree, struct err *e);
    void (*close)(struct tree *tree);
};

struct tree {
    const struct tree_ops *ops;
};

/* Each calls the driver, or fails with ERR_UNSUPPORTED naming the driver and the operation. */
int tree_next(struct tree *tree, struct tree_entry *entry, struct err *e);
struct tree_source *tree_content(struct tree *tree);
int tree_stat(struct tree *tree, const char *path, struct tree_entry *entry, struct err *e);
int tree_list(struct tree *tree, const char *path,
              int (*each)(void *arg, const char *name, enum tree_type type), void *arg,
              struct err *e);
int tree_read(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
              size_t *got, struct err *e);
int tree_put(struct tree *tree, const struct tree_entry *entry, struct tree_source *content,
             struct err *e);
int tree_remove(struct tree *tree, const char *path, struct err *e);
int tree_overwrite(struct tree *tree, const char *path, uint64_t offset, const void *buf, size_t n,
                   struct err *e);
int tree_sync(struct tree *tree, struct err *e);
void tree_close(struct tree *tree); /* NULL is allowed */

#define _cleanup_tree_ __attribute__((cleanup(tree_cleanup)))
void tree_cleanup(struct tree **tree);

/* Follows symlinks, inside the tree (absolute targets start at its root), to what path names.
 * *found is a new string, which the caller frees. ERR_NOT_FOUND; more than 40 links: ERR_FAILED. */
int tree_find(struct tree *tree, const char *path, char **found, struct err *e);

/* The whole content of a file (symlinks followed) of at most max bytes, in a new buffer with a NUL
 * behind it, which the caller frees. *len may be NULL. */
int tree_read_file(struct tree *tree, const char *path, size_t max, char **data, size_t *len,
                   struct err *e);

/* Seconds since 1970: SOURCE_DATE_EPOCH where the environment has one, else the clock. */
int64_t tree_now(void);

/* Puts a file with the given content, owner root, and tree_now as its time. */
int tree_put_file(struct tree *tree, const char *path, unsigned mode, const void *data, size_t len,
                  struct err *e);

/* Cleans a path of an archive in place of out (PATH_MAX bytes): leading "/" and "./", doubled and
 * trailing slashes go. ERR_REFUSED when it has a ".." component, a component over 255 bytes or is
 * too long. */
int tree_path_clean(const char *path, char *out, size_t len, struct err *e);

/* A source over bytes in memory. */
struct tree_bytes {
    struct tree_source source;
    const void *data;
    size_t len;
    bool given;
};
struct tree_source *tree_bytes(struct tree_bytes *bytes, const void *data, size_t len);

/* ---- the drivers; each returns NULL with the err filled on failure ---- */

/* ext.c: reads an ext2/3/4 filesystem that fills the device. Does not own the device. */
struct tree *ext_tree_open(struct blockdev *bd, struct err *e);

/* fat.c: reads a FAT12/16/32 filesystem that fills the device, and overwrites in place. */
struct tree *fat_tree_open(struct blockdev *bd, struct err *e);

/* grubfs.c: reads any filesystem that GRUB knows, through its program grub-fstest, which is in the
 * jail: btrfs from its default subvolume, XFS, and more. Does not own the device, which needs a
 * descriptor (blockdev_fd_extent) or is a slice of an overlay. ERR_UNSUPPORTED when GRUB knows none
 * on it, ERR_NOT_FOUND when the program is not installed. More in grubfs.h. */
struct tree *grubfs_tree_open(struct blockdev *bd, struct err *e);

/* tar.c: streams an archive (any compression libarchive knows) from a descriptor, which it owns. */
struct tree *tar_tree_open(int fd, const char *name, struct err *e);

/* dir.c: a mounted folder. */
struct tree *dir_tree_open(const char *path, struct err *e);

#endif
