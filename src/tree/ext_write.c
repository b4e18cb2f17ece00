// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write.c: the fast ext4 writer as a tree: what put, remove and sync mean.
 *
 * A name is added only after its inode is complete. The parts are listed in ext_writer.h.
 */
#include "tree/ext_write.h"
#include "core/cleanup.h"
#include "tree/ext_writer.h"

#include <limits.h>
#include <string.h>

#define MAX_HARDLINKS 65000 /* as the kernel's ext4 */
#define FAST_SYMLINK  60    /* a target shorter than this lives in the inode */
#define MAJOR_MAX     0xfffu
#define MINOR_MAX     0xfffffu

static const struct {
    unsigned mode;
    unsigned name_type;
} types[] = {
    [TREE_FILE] = {LINUX_S_IFREG, EXT2_FT_REG_FILE},
    [TREE_DIR] = {LINUX_S_IFDIR, EXT2_FT_DIR},
    [TREE_SYMLINK] = {LINUX_S_IFLNK, EXT2_FT_SYMLINK},
    [TREE_CHAR] = {LINUX_S_IFCHR, EXT2_FT_CHRDEV},
    [TREE_BLOCK] = {LINUX_S_IFBLK, EXT2_FT_BLKDEV},
    [TREE_FIFO] = {LINUX_S_IFIFO, EXT2_FT_FIFO},
    [TREE_SOCKET] = {LINUX_S_IFSOCK, EXT2_FT_SOCK},
};

/* ---- where a path leads ---- */

/* A folder without anything in it; *dir is its structure. */
static int make_dir(struct ext_writer *w, struct ext_dir *parent, const char *name,
                    const struct tree_entry *entry, struct ext_dir **dir, struct err *e)
{
    uint32_t ino;

    if (ext_inode_new(w, &ino, e) < 0)
        return -1;
    ext_inode_set(w, ext_inode_get(w, ino), LINUX_S_IFDIR, entry);
    if (ext_dir_new(w, ino, parent, e) < 0 || ext_xattrs_write(w, ino, entry, e) < 0 ||
        ext_name_add(w, parent, name, ino, EXT2_FT_DIR, e) < 0) {
        ext_inode_release(w, ino);
        return -1;
    }
    *dir = ext_inode_get(w, ino)->dir;
    return 0;
}

/* Into the folder called name; a missing one is made (make), or *dir becomes NULL. */
static int enter(struct ext_writer *w, const char *name, bool make, struct ext_dir **dir,
                 struct err *e)
{
    struct tree_entry parent = {.type = TREE_DIR, .mode = 0755, .mtime = w->now};
    struct ext_name *found = ext_name_find(w, *dir, name, strlen(name));
    struct ext_inode *inode;

    if (found == NULL && make)
        return make_dir(w, *dir, name, &parent, dir, e);
    if (found == NULL) {
        *dir = NULL;
        return 0;
    }
    inode = ext_inode_get(w, found->ino);
    if (inode->link != NULL)
        return err_set(e, ERR_REFUSED, "the path goes through the symlink %s -> %s", name,
                       inode->link);
    if (inode->dir == NULL)
        return err_set(e, ERR_REFUSED, "the path goes through %s, which is not a folder", name);
    *dir = inode->dir;
    return 0;
}

static int check_component(const char *name, struct err *e)
{
    size_t len = strlen(name);

    if (len == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(e, ERR_REFUSED, "the path has the component \"%s\"", name);
    if (len > EXT2_NAME_LEN)
        return err_set(e, ERR_REFUSED, "a name is longer than %d bytes", EXT2_NAME_LEN);
    return 0;
}

/* Splits a path: *dir is the folder it is in (NULL when missing and not to be made), and *base,
 * which points into buf (PATH_MAX bytes), its last component. */
static int walk(struct ext_writer *w, const char *path, bool make, char *buf, struct ext_dir **dir,
                char **base, struct err *e)
{
    char *slash, *name = buf;

    if (strlen(path) >= PATH_MAX)
        return err_set(e, ERR_REFUSED, "the path is too long");
    strcpy(buf, path);
    *dir = ext_root(w);
    for (; *dir != NULL && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
        *slash = '\0';
        if (check_component(name, e) < 0 || enter(w, name, make, dir, e) < 0)
            return -1;
    }
    *base = name;
    return check_component(name, e);
}

/* ---- put ---- */

/* Takes away what has the name so far. A folder must be empty. */
static int clear_way(struct ext_writer *w, struct ext_name *old, struct err *e)
{
    const struct ext_dir *dir = old != NULL ? ext_inode_get(w, old->ino)->dir : NULL;

    if (old == NULL)
        return 0;
    if (dir != NULL && dir->n_names > 0)
        return err_set(e, ERR_REFUSED, "a folder of that name is there and not empty");
    ext_name_remove(w, old);
    return 0;
}

/* New metadata for a folder that stays. */
static int update_dir(struct ext_writer *w, struct ext_dir *dir, const struct tree_entry *entry,
                      struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, dir->ino);

    ext_space_give(&w->space, &inode->meta);
    ext2fs_file_acl_block_set(w->io.fs, (struct ext2_inode *)&inode->raw.inode, 0);
    memset(inode->raw.bytes + sizeof(inode->raw.inode), 0,
           EXT_INODE_BYTES - sizeof(inode->raw.inode));
    inode->ours = true;
    ext_inode_set(w, inode, LINUX_S_IFDIR, entry);
    return ext_xattrs_write(w, dir->ino, entry, e);
}

static int put_dir(struct ext_writer *w, struct ext_dir *parent, const char *name,
                   const struct tree_entry *entry, struct err *e)
{
    struct ext_name *old = ext_name_find(w, parent, name, strlen(name));
    struct ext_inode *inode = old != NULL ? ext_inode_get(w, old->ino) : NULL;
    struct ext_dir *made;

    if (inode != NULL && inode->dir != NULL)
        return update_dir(w, inode->dir, entry, e);
    if (inode != NULL && inode->link != NULL && ext_dir_resolve(w, parent, inode->link) != NULL)
        return 0;
    if (clear_way(w, old, e) < 0)
        return -1;
    return make_dir(w, parent, name, entry, &made, e);
}

static int find_target(struct ext_writer *w, const char *path, struct ext_name **found,
                       struct err *e)
{
    char buf[PATH_MAX], *base;
    struct ext_dir *dir;

    if (walk(w, path, false, buf, &dir, &base, e) < 0)
        return err_wrap(e, "its hardlink target %.300s", path);
    *found = dir != NULL ? ext_name_find(w, dir, base, strlen(base)) : NULL;
    if (*found == NULL)
        return err_set(e, ERR_REFUSED, "its hardlink target %.300s is not there", path);
    if ((*found)->type == EXT2_FT_DIR)
        return err_set(e, ERR_REFUSED, "its hardlink target %.300s is a folder", path);
    return 0;
}

static int put_hardlink(struct ext_writer *w, struct ext_dir *parent, const char *name,
                        const struct tree_entry *entry, struct err *e)
{
    struct ext_name *target = NULL, *old = ext_name_find(w, parent, name, strlen(name));

    if (find_target(w, entry->target != NULL ? entry->target : "", &target, e) < 0)
        return -1;
    if (target == old)
        return 0;
    if (ext_inode_get(w, target->ino)->raw.inode.i_links_count >= MAX_HARDLINKS)
        return err_set(e, ERR_UNSUPPORTED, "ext4 cannot have more than %d links to %.300s",
                       MAX_HARDLINKS, entry->target);
    if (clear_way(w, old, e) < 0)
        return -1;
    return ext_name_add(w, parent, name, target->ino, target->type, e);
}

static int write_symlink(struct ext_writer *w, uint32_t ino, const struct tree_entry *entry,
                         struct err *e)
{
    struct ext_inode *inode = ext_inode_get(w, ino);
    struct tree_entry file = {.type = TREE_FILE};
    struct tree_bytes bytes;

    file.size = entry->target != NULL ? strlen(entry->target) : 0;
    if (file.size == 0 || file.size >= EXT_BLOCK)
        return err_set(e, ERR_UNSUPPORTED, "a symlink with a target of %llu bytes",
                       (unsigned long long)file.size);
    inode->link = strdup(entry->target);
    if (inode->link == NULL)
        return err_no_memory(e);
    if (file.size >= FAST_SYMLINK)
        return ext_file_write(w, ino, &file, tree_bytes(&bytes, inode->link, file.size), e);
    ext_inode_set_size(inode, file.size);
    memcpy(inode->raw.inode.i_block, inode->link, file.size);
    return 0;
}

/* Numbers below 256 in Linux's old form, larger ones in the new (new_encode_dev). */
static int write_device(struct ext_writer *w, uint32_t ino, const struct tree_entry *entry,
                        struct err *e)
{
    uint32_t *block = ext_inode_get(w, ino)->raw.inode.i_block;
    uint32_t major = entry->major, minor = entry->minor;

    if (major > MAJOR_MAX || minor > MINOR_MAX)
        return err_set(e, ERR_UNSUPPORTED, "the device number %u:%u is too large", major, minor);
    if (major < 256 && minor < 256)
        block[0] = major << 8 | minor;
    else
        block[1] = (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
    return 0;
}

static int write_body(struct ext_writer *w, uint32_t ino, const struct tree_entry *entry,
                      struct tree_source *content, struct err *e)
{
    switch (entry->type) {
    case TREE_FILE:
        return ext_file_write(w, ino, entry, content, e);
    case TREE_SYMLINK:
        return write_symlink(w, ino, entry, e);
    case TREE_CHAR:
    case TREE_BLOCK:
        return write_device(w, ino, entry, e);
    default:
        return 0;
    }
}

static int put_other(struct ext_writer *w, struct ext_dir *parent, const char *name,
                     const struct tree_entry *entry, struct tree_source *content, struct err *e)
{
    uint32_t ino;

    if (clear_way(w, ext_name_find(w, parent, name, strlen(name)), e) < 0 ||
        ext_inode_new(w, &ino, e) < 0)
        return -1;
    ext_inode_set(w, ext_inode_get(w, ino), types[entry->type].mode, entry);
    if (write_body(w, ino, entry, content, e) == 0 && ext_xattrs_write(w, ino, entry, e) == 0 &&
        ext_name_add(w, parent, name, ino, types[entry->type].name_type, e) == 0)
        return 0;
    ext_inode_release(w, ino);
    return -1;
}

static int put_at(struct ext_writer *w, const struct tree_entry *entry, struct tree_source *content,
                  struct err *e)
{
    char buf[PATH_MAX], *name;
    struct ext_dir *parent;

    if (entry->path[0] == '\0' && entry->type == TREE_DIR)
        return update_dir(w, ext_root(w), entry, e);
    if (walk(w, entry->path, true, buf, &parent, &name, e) < 0)
        return -1;
    switch (entry->type) {
    case TREE_DIR:
        return put_dir(w, parent, name, entry, e);
    case TREE_HARDLINK:
        return put_hardlink(w, parent, name, entry, e);
    default:
        return put_other(w, parent, name, entry, content, e);
    }
}

static int check_open(const struct ext_writer *w, struct err *e)
{
    return w->ended
               ? err_set(e, ERR_FAILED, "%s: the filesystem is written already", w->io.bd->name)
               : 0;
}

static int write_put(struct tree *tree, const struct tree_entry *entry, struct tree_source *content,
                     struct err *e)
{
    struct ext_writer *w = (struct ext_writer *)tree;

    if (check_open(w, e) < 0)
        return -1;
    if (put_at(w, entry, content, e) < 0)
        return err_wrap(e, "%.500s", entry->path[0] != '\0' ? entry->path : "/");
    return 0;
}

static int remove_at(struct ext_writer *w, const char *path, struct err *e)
{
    char buf[PATH_MAX], *name;
    struct ext_dir *parent;

    if (walk(w, path, false, buf, &parent, &name, e) < 0)
        return -1;
    return parent != NULL ? clear_way(w, ext_name_find(w, parent, name, strlen(name)), e) : 0;
}

static int write_remove(struct tree *tree, const char *path, struct err *e)
{
    struct ext_writer *w = (struct ext_writer *)tree;

    if (check_open(w, e) < 0)
        return -1;
    if (remove_at(w, path, e) < 0)
        return err_wrap(e, "%.500s", path);
    return 0;
}

/* ---- sync ---- */

static int write_dirs(struct ext_writer *w, struct err *e)
{
    char path[512];

    for (uint32_t ino = EXT2_ROOT_INO; ino <= w->last_ino; ino++) {
        struct ext_dir *dir = ext_inode_get(w, ino)->dir;

        if (dir != NULL && ext_dir_write(w, dir, e) < 0)
            return err_wrap(e, "%s", ext_dir_path(dir, path, sizeof(path)));
    }
    return 0;
}

/* Bitmaps, group descriptors and superblocks, by libext2fs. */
static int write_groups(struct ext_writer *w, struct err *e)
{
    errcode_t code;

    w->io.fs->now = (time_t)(w->now > 0 ? w->now : 1);
    ext2fs_mark_super_dirty(w->io.fs);
    ext2fs_mark_bb_dirty(w->io.fs);
    ext2fs_mark_ib_dirty(w->io.fs);
    code = ext2fs_flush2(w->io.fs, EXT2_FLAG_FLUSH_NO_SYNC);
    return code != 0 ? ext_io_error(&w->io, code, "writing bitmaps and superblocks", e) : 0;
}

static int write_sync(struct tree *tree, struct err *e)
{
    struct ext_writer *w = (struct ext_writer *)tree;

    if (check_open(w, e) < 0)
        return -1;
    w->ended = true;
    if (write_dirs(w, e) < 0)
        return -1;
    ext_space_settle(&w->space);
    if (ext_inodes_write(w, e) < 0 || ext_stream_finish(w->stream, e) < 0 || write_groups(w, e) < 0)
        return -1;
    return blockdev_flush(w->io.bd, e);
}

static void write_close(struct tree *tree)
{
    struct ext_writer *w = (struct ext_writer *)tree;

    ext_stream_close(w->stream);
    ext_names_free(w);
    ext_inodes_free(w);
    ext_io_close(&w->io);
    free(w);
}

static const struct tree_ops write_ops = {
    .kind = "ext4 being written",
    .put = write_put,
    .remove = write_remove,
    .sync = write_sync,
    .close = write_close,
};

/* ---- open ---- */

static int check_fresh(struct ext_writer *w, struct err *e)
{
    struct ext2_super_block *super = w->io.fs->super;

    if (w->io.fs->blocksize == EXT_BLOCK && EXT2_INODE_SIZE(super) == EXT_INODE_BYTES &&
        ext2fs_has_feature_extents(super) && ext2fs_has_feature_metadata_csum(super) &&
        ext2fs_has_feature_dir_index(super) && !ext2fs_has_feature_bigalloc(super) &&
        super->s_free_inodes_count == super->s_inodes_count - EXT2_GOOD_OLD_FIRST_INO)
        return 0;
    return err_set(e, ERR_UNSUPPORTED, "%s: not an empty ext4 as berth makes it", w->io.bd->name);
}

/* The root with its one name; their blocks on disk stay those of mke2fs until sync. */
static int load_dirs(struct ext_writer *w, struct err *e)
{
    struct ext_inode *lost_found = ext_inode_get(w, EXT2_GOOD_OLD_FIRST_INO);

    if (ext_dir_new(w, EXT2_ROOT_INO, NULL, e) < 0 ||
        ext_dir_new(w, EXT2_GOOD_OLD_FIRST_INO, ext_root(w), e) < 0 ||
        ext_name_add(w, ext_root(w), "lost+found", EXT2_GOOD_OLD_FIRST_INO, EXT2_FT_DIR, e) < 0)
        return -1;
    lost_found->dir->changed = false;
    return 0;
}

static int load(struct ext_writer *w, struct err *e)
{
    errcode_t code;

    if (check_fresh(w, e) < 0)
        return -1;
    code = ext2fs_read_bitmaps(w->io.fs);
    if (code != 0)
        return ext_io_error(&w->io, code, "reading the bitmaps", e);
    ext_space_init(&w->space, w->io.fs);
    if (ext_inodes_load(w, e) < 0 || load_dirs(w, e) < 0)
        return -1;
    w->stream = ext_stream_open(w->io.bd, e);
    return w->stream != NULL ? 0 : -1;
}

struct tree *ext_write_open(struct blockdev *bd, struct err *e)
{
    struct ext_writer *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        err_no_memory(e);
        return NULL;
    }
    w->tree.ops = &write_ops;
    w->now = tree_now();
    if (ext_io_open(&w->io, bd, EXT2_FLAG_RW | EXT2_FLAG_64BITS, e) < 0 || load(w, e) < 0) {
        write_close(&w->tree);
        return NULL;
    }
    return &w->tree;
}
