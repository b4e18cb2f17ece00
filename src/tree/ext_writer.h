// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_writer.h: what the parts of the ext4 writer (ext_write_*.c) share, and no one else includes.
 *
 * Until sync, inodes and names live in memory; only file content and the blocks that hang on it
 * (extent tree, xattrs, long symlinks) go out, through the stream.
 */
#ifndef BERTH_TREE_EXT_WRITER_H
#define BERTH_TREE_EXT_WRITER_H

#include "tree/ext_io.h"
#include "tree/ext_write_space.h"
#include "tree/ext_write_stream.h"
#include "tree/tree.h"

#define EXT_INODE_BYTES 256

struct ext_dir;

/* One name in a folder. */
struct ext_name {
    struct ext_name *next_in_bucket;
    struct ext_name *before, *after; /* in the folder, in the order in which they were made */
    struct ext_dir *dir;
    uint32_t ino;
    uint8_t type; /* EXT2_FT_* */
    uint8_t len;
    char text[]; /* len bytes and a NUL */
};

struct ext_dir {
    uint32_t ino;
    struct ext_dir *parent; /* the root's is itself */
    struct ext_name *name;  /* its own, in parent; NULL for the root */
    struct ext_name *first, *last;
    size_t n_names, n_subdirs;
    bool changed; /* its blocks are written at sync */
};

struct ext_inode {
    union {
        struct ext2_inode_large inode;
        unsigned char bytes[EXT_INODE_BYTES];
    } raw; /* as on disk, without checksum */
    bool used;
    bool ours;           /* not one that mke2fs left as it has to stay */
    struct ext_dir *dir; /* of a folder */
    char *link;          /* target of a symlink */
    struct ext_map data; /* content */
    struct ext_map meta; /* blocks of the extent tree and of xattrs; logical means nothing here */
};

#define EXT_CHUNK_INODES 1024

struct ext_writer {
    struct tree tree;
    struct ext_io io;
    struct ext_stream *stream;
    struct ext_space space;
    struct ext_inode **chunks; /* inode n is [n / EXT_CHUNK_INODES][n % EXT_CHUNK_INODES] */
    size_t n_chunks;
    uint32_t last_ino; /* the highest one in memory */
    uint32_t *freed;   /* inodes below it that are free again */
    size_t n_freed, freed_room;
    struct ext_name **buckets;
    size_t n_buckets, n_names;
    int64_t now;
    bool ended; /* synced, or failed half-way: only close is left */
};

/* ---- ext_write_inode.c: the inode table in memory ---- */

/* Reads the inodes that mke2fs made. */
int ext_inodes_load(struct ext_writer *w, struct err *e);
void ext_inodes_free(struct ext_writer *w);

/* ino must be at most last_ino; the pointer is good until close. */
struct ext_inode *ext_inode_get(struct ext_writer *w, uint32_t ino);

/* A free inode, zeroed. ERR_NO_SPACE when there is none. */
int ext_inode_new(struct ext_writer *w, uint32_t *ino, struct err *e);

/* Gives back the inode and its blocks. */
void ext_inode_release(struct ext_writer *w, uint32_t ino);

/* Sets type (LINUX_S_IF*), mode, owner and times; not size, links or content. */
void ext_inode_set(struct ext_writer *w, struct ext_inode *inode, unsigned type,
                   const struct tree_entry *entry);

void ext_inode_set_size(struct ext_inode *inode, uint64_t size);

/* The start of every checksum that belongs to an inode. */
uint32_t ext_inode_seed(struct ext_writer *w, uint32_t ino);

/* Hands the inode tables to the stream, and counts inodes in the bitmaps. */
int ext_inodes_write(struct ext_writer *w, struct err *e);

/* ---- ext_write_names.c: folders ---- */

/* Makes the folder structure of an inode. */
int ext_dir_new(struct ext_writer *w, uint32_t ino, struct ext_dir *parent, struct err *e);

/* The root's structure. */
struct ext_dir *ext_root(struct ext_writer *w);

struct ext_name *ext_name_find(struct ext_writer *w, struct ext_dir *dir, const char *text,
                               size_t len);
int ext_name_add(struct ext_writer *w, struct ext_dir *dir, const char *text, uint32_t ino,
                 unsigned type, struct err *e);

/* Takes away the name, and the inode with it when it was its last. A folder must be empty. */
void ext_name_remove(struct ext_writer *w, struct ext_name *name);

/* The folder that a symlink's target leads to from dir, inside the tree, or NULL. */
struct ext_dir *ext_dir_resolve(struct ext_writer *w, struct ext_dir *dir, const char *target);

/* The path of a folder, for messages; len bytes at most. Returns buf. */
char *ext_dir_path(const struct ext_dir *dir, char *buf, size_t len);

void ext_names_free(struct ext_writer *w);

/* ---- ext_write_extents.c: content on disk ---- */

/* Writes the map of the inode's data into it, as an extent tree of the depth it needs. */
int ext_extents_write(struct ext_writer *w, uint32_t ino, struct err *e);

/* A place in a mapped file that moves forward. */
struct ext_cursor {
    const struct ext_map *map;
    size_t run;
    uint64_t at; /* bytes from the start of the file; inside run, or at the file's end */
};

void ext_cursor_start(struct ext_cursor *cursor, const struct ext_map *map);

/* Writes n bytes (buf NULL: zeros) at the cursor, all of them in mapped blocks. */
int ext_cursor_write(struct ext_writer *w, struct ext_cursor *cursor, const void *buf, uint64_t n,
                     struct err *e);

/* Fills mapped blocks with zeros up to byte `to`, or the end of the map. */
int ext_cursor_zero(struct ext_writer *w, struct ext_cursor *cursor, uint64_t to, struct err *e);

/* ---- ext_write_file.c, ext_write_dir.c, ext_write_xattr.c ---- */

/* Allocates and streams the content of a regular file. */
int ext_file_write(struct ext_writer *w, uint32_t ino, const struct tree_entry *entry,
                   struct tree_source *content, struct err *e);

/* Writes the blocks of a folder; sets size and links. */
int ext_dir_write(struct ext_writer *w, struct ext_dir *dir, struct err *e);

/* Writes the entry's xattrs into a fresh inode whose mode is set, and into a block of its own where
 * the inode is too small. An access ACL sets the mode too, as the kernel does. */
int ext_xattrs_write(struct ext_writer *w, uint32_t ino, const struct tree_entry *entry,
                     struct err *e);

#endif
