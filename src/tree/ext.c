// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext.c: reads ext2, ext3 and ext4 through libext2fs as a tree. Nothing is written, and no journal
 * is replayed.
 *
 * The filesystem is hostile: what it claims is checked against the device before memory is
 * taken for it. The names of one folder are kept, so that a walk reads each folder once.
 */
#include "tree/ext.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "tree/ext_acl.h"
#include "tree/ext_folder.h"
#include "tree/ext_io.h"

#include <endian.h>
#include <limits.h>
#include <string.h>

#define MIN_GROUP      256 /* blocks; mke2fs makes none smaller */
#define MAX_LOG_BLOCK  6   /* 64 KiB */
#define MAX_READ       MIB /* one call of libext2fs */
#define SUPER_OFFSET   1024
#define XATTR_FLAG_RAW 1

struct ext_tree {
    struct tree tree;
    struct ext_io io;
    struct ext_folder folder; /* the names of the folder read last */
    char *folder_path;        /* its path; NULL: none read */
    /* what the entry of the last stat points to */
    char target[PATH_MAX];
    struct tree_xattr *xattrs;
    size_t n_xattrs;
};

/* ---- finding an inode ---- */

/* The names of the folder at path (len bytes of it), read unless they are those read last. */
static int open_folder(struct ext_tree *t, const char *path, size_t len, uint32_t ino,
                       struct err *e)
{
    if (t->folder_path != NULL && strlen(t->folder_path) == len &&
        memcmp(t->folder_path, path, len) == 0)
        return 0;
    free(t->folder_path);
    t->folder_path = NULL;
    ext_folder_free(&t->folder);
    if (ext_folder_read(&t->io, ino, &t->folder, e) < 0)
        return err_wrap(e, "%.500s", path);
    t->folder_path = strndup(path, len);
    return t->folder_path != NULL ? 0 : err_no_memory(e);
}

/* The inode of a path, without following symlinks. A path in the folder read last needs no walk. */
static int find_inode(struct ext_tree *t, const char *path, uint32_t *ino, struct err *e)
{
    const char *last = strrchr(path, '/');
    size_t parent = last != NULL ? (size_t)(last - path) : 0;
    size_t at = 0; /* where the next component starts */

    *ino = EXT2_ROOT_INO;
    if (path[0] != '\0' && t->folder_path != NULL && strlen(t->folder_path) == parent &&
        memcmp(t->folder_path, path, parent) == 0)
        at = parent + (parent > 0);
    while (path[at] != '\0') {
        size_t len = strcspn(path + at, "/");
        const struct ext_folder_name *name;

        if (open_folder(t, path, at > 0 ? at - 1 : 0, *ino, e) < 0)
            return -1;
        name = ext_folder_find(&t->folder, path + at, len);
        if (name == NULL)
            return err_set(e, ERR_NOT_FOUND, "%.500s: not found", path);
        *ino = name->ino;
        at += len + (path[at + len] == '/');
    }
    return 0;
}

static int read_inode(struct ext_tree *t, uint32_t ino, struct ext2_inode_large *inode,
                      struct err *e)
{
    errcode_t code;

    memset(inode, 0, sizeof(*inode));
    code = ext2fs_read_inode_full(t->io.fs, ino, (struct ext2_inode *)inode, sizeof(*inode));
    return code != 0 ? ext_io_error(&t->io, code, "reading an inode", e) : 0;
}

/* ---- content ---- */

/* How many of the blocks from `block` on, at most n, have content that lies in one piece from block
 * `at` of the device on; 0 also for what is no plain extent. */
static uint64_t find_run(ext2_extent_handle_t handle, uint64_t block, uint64_t n, uint64_t *at)
{
    struct ext2fs_extent extent;
    uint64_t skip, run;

    if (ext2fs_extent_goto(handle, block) != 0 ||
        ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &extent) != 0 ||
        (extent.e_flags & EXT2_EXTENT_FLAGS_UNINIT) != 0 || block < extent.e_lblk ||
        block - extent.e_lblk >= extent.e_len)
        return 0;
    skip = block - extent.e_lblk;
    run = extent.e_len - skip;
    *at = extent.e_pblk + skip;
    return run < n ? run : n;
}

/* The whole blocks at the start of the range, in pieces as large as they lie on the device:
 * libext2fs reads a file block by block. Returns how many bytes; what it leaves is for libext2fs.
 */
static size_t read_runs(struct ext_tree *t, uint32_t ino, void *buf, size_t n, uint64_t offset)
{
    const uint64_t block = t->io.fs->blocksize;
    ext2_extent_handle_t handle;
    size_t got = 0;

    if (offset % block != 0 || ext2fs_extent_open(t->io.fs, ino, &handle) != 0)
        return 0;
    while (n - got >= block) {
        uint64_t at, run = find_run(handle, (offset + got) / block, (n - got) / block, &at);

        if (run == 0 || io_channel_read_blk64(t->io.fs->io, at, (int)run, (char *)buf + got) != 0)
            break;
        got += (size_t)(run * block);
    }
    ext2fs_extent_free(handle);
    return got;
}

/* Up to n bytes of an inode's content; *got is less only at its end. */
static int read_content(struct ext_tree *t, uint32_t ino, void *buf, size_t n, uint64_t offset,
                        size_t *got, struct err *e)
{
    ext2_file_t file;
    errcode_t code;

    *got = read_runs(t, ino, buf, n < MAX_READ ? n : MAX_READ, offset);
    if (*got == n)
        return 0;
    code = ext2fs_file_open(t->io.fs, ino, 0, &file);
    if (code != 0)
        return ext_io_error(&t->io, code, "opening a file", e);
    code = ext2fs_file_llseek(file, offset + *got, EXT2_SEEK_SET, NULL);
    while (code == 0 && *got < n) {
        unsigned part = n - *got < MAX_READ ? (unsigned)(n - *got) : (unsigned)MAX_READ, some = 0;

        code = ext2fs_file_read(file, (char *)buf + *got, part, &some);
        *got += some;
        if (some == 0)
            break;
    }
    ext2fs_file_close(file);
    return code != 0 ? ext_io_error(&t->io, code, "reading a file", e) : 0;
}

static int ext_read(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
                    size_t *got, struct err *e)
{
    struct ext_tree *t = (struct ext_tree *)tree;
    struct ext2_inode_large inode;
    uint64_t size;
    uint32_t ino;

    if (find_inode(t, path, &ino, e) < 0 || read_inode(t, ino, &inode, e) < 0)
        return -1;
    if (!LINUX_S_ISREG(inode.i_mode))
        return err_set(e, ERR_FAILED, "%.500s: not a file", path);
    if ((inode.i_flags & EXT4_ENCRYPT_FL) != 0)
        return err_set(e, ERR_UNSUPPORTED, "%.500s: encrypted", path);
    size = EXT2_I_SIZE(&inode);
    if (offset >= size)
        return 0;
    if (n > size - offset)
        n = (size_t)(size - offset);
    if (read_content(t, ino, buf, n, offset, got, e) < 0)
        return err_wrap(e, "%.500s", path);
    return 0;
}

/* ---- stat ---- */

static int read_target(struct ext_tree *t, uint32_t ino, const struct ext2_inode_large *inode,
                       struct err *e)
{
    uint64_t size = EXT2_I_SIZE(inode);
    size_t got;

    if (size == 0 || size >= sizeof(t->target))
        return err_set(e, ERR_SYNTAX, "a symlink with a target of %llu bytes",
                       (unsigned long long)size);
    if (size < sizeof(inode->i_block) && (inode->i_flags & EXT4_INLINE_DATA_FL) == 0) {
        memcpy(t->target, inode->i_block, (size_t)size);
        got = (size_t)size;
    } else if (read_content(t, ino, t->target, (size_t)size, 0, &got, e) < 0) {
        return -1;
    }
    t->target[got] = '\0';
    return 0;
}

static void forget_xattrs(struct ext_tree *t)
{
    for (size_t i = 0; i < t->n_xattrs; i++) {
        free((void *)(uintptr_t)t->xattrs[i].name);
        free((void *)(uintptr_t)t->xattrs[i].value);
    }
    free(t->xattrs);
    t->xattrs = NULL;
    t->n_xattrs = 0;
}

struct xattr_scan {
    struct ext_tree *t;
    struct err *e;
    int result;
};

static int keep_xattr(char *name, char *value, size_t len, void *arg)
{
    struct xattr_scan *scan = arg;
    struct ext_tree *t = scan->t;
    struct tree_xattr *grown = realloc(t->xattrs, (t->n_xattrs + 1) * sizeof(*grown));
    bool acl = strncmp(name, "system.posix_acl_", 17) == 0;
    void *copy = malloc(2 * len + 1);

    if (grown != NULL)
        t->xattrs = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        scan->result = err_no_memory(scan->e);
        return XATTR_ABORT;
    }
    if (!acl && len > 0)
        memcpy(copy, value, len);
    t->xattrs[t->n_xattrs] = (struct tree_xattr){strdup(name), copy, len};
    t->n_xattrs++;
    if (t->xattrs[t->n_xattrs - 1].name == NULL)
        scan->result = err_no_memory(scan->e);
    else if (acl)
        scan->result =
            ext_acl_from_disk(value, len, copy, &t->xattrs[t->n_xattrs - 1].len, scan->e);
    return scan->result < 0 ? XATTR_ABORT : 0;
}

static int read_xattrs(struct ext_tree *t, uint32_t ino, struct err *e)
{
    struct xattr_scan scan = {.t = t, .e = e};
    struct ext2_xattr_handle *handle;
    unsigned raw = XATTR_FLAG_RAW;
    errcode_t code = ext2fs_xattrs_open(t->io.fs, ino, &handle);

    if (code != 0)
        return ext_io_error(&t->io, code, "opening xattrs", e);
    code = ext2fs_xattrs_flags(handle, &raw, NULL);
    if (code == 0)
        code = ext2fs_xattrs_read(handle);
    if (code == 0)
        code = ext2fs_xattrs_iterate(handle, keep_xattr, &scan);
    ext2fs_xattrs_close(&handle);
    if (scan.result < 0)
        return -1;
    return code != 0 ? ext_io_error(&t->io, code, "reading xattrs", e) : 0;
}

static int decode_type(unsigned mode, enum tree_type *type, struct err *e)
{
    static const struct {
        unsigned mode;
        enum tree_type type;
    } types[] = {{LINUX_S_IFREG, TREE_FILE},    {LINUX_S_IFDIR, TREE_DIR},
                 {LINUX_S_IFLNK, TREE_SYMLINK}, {LINUX_S_IFCHR, TREE_CHAR},
                 {LINUX_S_IFBLK, TREE_BLOCK},   {LINUX_S_IFIFO, TREE_FIFO},
                 {LINUX_S_IFSOCK, TREE_SOCKET}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].mode == (mode & LINUX_S_IFMT)) {
            *type = types[i].type;
            return 0;
        }
    }
    return err_set(e, ERR_SYNTAX, "a damaged inode (mode %o)", mode);
}

/* Two more bits of seconds and the nanoseconds, where the inode has room for them. */
static void decode_time(const struct ext2_inode_large *inode, struct tree_entry *entry)
{
    size_t end = offsetof(struct ext2_inode_large, i_mtime_extra) + sizeof(inode->i_mtime_extra);

    entry->mtime = (int32_t)inode->i_mtime;
    if ((size_t)EXT2_GOOD_OLD_INODE_SIZE + inode->i_extra_isize < end)
        return;
    entry->mtime += (int64_t)(inode->i_mtime_extra & EXT4_EPOCH_MASK) << 32;
    entry->mtime_nsec = inode->i_mtime_extra >> EXT4_EPOCH_BITS;
}

static void decode_device(const struct ext2_inode_large *inode, struct tree_entry *entry)
{
    uint32_t old = inode->i_block[0], new = inode->i_block[1];

    entry->major = old != 0 ? old >> 8 & 0xff : (new & 0xfff00) >> 8;
    entry->minor = old != 0 ? old & 0xff : (new & 0xff) | (new >> 12 & 0xfff00);
}

static int decode_inode(struct ext_tree *t, uint32_t ino, struct tree_entry *entry, struct err *e)
{
    struct ext2_inode_large inode;

    if (read_inode(t, ino, &inode, e) < 0 || decode_type(inode.i_mode, &entry->type, e) < 0)
        return -1;
    entry->mode = inode.i_mode & 07777;
    entry->uid = inode_uid(inode);
    entry->gid = inode_gid(inode);
    decode_time(&inode, entry);
    if (entry->type == TREE_FILE)
        entry->size = EXT2_I_SIZE(&inode);
    if (entry->type == TREE_CHAR || entry->type == TREE_BLOCK)
        decode_device(&inode, entry);
    if (entry->type == TREE_SYMLINK) {
        entry->target = t->target;
        if (read_target(t, ino, &inode, e) < 0)
            return -1;
    }
    if (read_xattrs(t, ino, e) < 0)
        return -1;
    entry->xattrs = t->xattrs;
    entry->n_xattrs = t->n_xattrs;
    return 0;
}

static int ext_stat(struct tree *tree, const char *path, struct tree_entry *entry, struct err *e)
{
    struct ext_tree *t = (struct ext_tree *)tree;
    uint32_t ino;

    forget_xattrs(t);
    *entry = (struct tree_entry){.path = path};
    if (find_inode(t, path, &ino, e) < 0)
        return -1;
    if (decode_inode(t, ino, entry, e) < 0)
        return err_wrap(e, "%.500s", path);
    return 0;
}

/* ---- list ---- */

static int name_type(struct ext_tree *t, const struct ext_folder_name *name, enum tree_type *type,
                     struct err *e)
{
    static const enum tree_type types[] = {
        [EXT2_FT_REG_FILE] = TREE_FILE,  [EXT2_FT_DIR] = TREE_DIR,   [EXT2_FT_CHRDEV] = TREE_CHAR,
        [EXT2_FT_BLKDEV] = TREE_BLOCK,   [EXT2_FT_FIFO] = TREE_FIFO, [EXT2_FT_SOCK] = TREE_SOCKET,
        [EXT2_FT_SYMLINK] = TREE_SYMLINK};
    struct ext2_inode_large inode;

    if (name->type > EXT2_FT_UNKNOWN && name->type < EXT2_FT_MAX) {
        *type = types[name->type];
        return 0;
    }
    /* ext2 without the filetype feature says it only in the inode */
    if (read_inode(t, name->ino, &inode, e) < 0 || decode_type(inode.i_mode, type, e) < 0)
        return err_wrap(e, "%s", name->text);
    return 0;
}

/* Names are copied first: each() may look up other paths. */
static int ext_list(struct tree *tree, const char *path,
                    int (*each)(void *arg, const char *name, enum tree_type type), void *arg,
                    struct err *e)
{
    struct ext_tree *t = (struct ext_tree *)tree;
    struct ext_folder folder = {.n = 0};
    enum tree_type type = TREE_FILE;
    uint32_t ino;
    int result;

    if (find_inode(t, path, &ino, e) < 0)
        return -1;
    result = ext_folder_read(&t->io, ino, &folder, e);
    if (result < 0)
        err_wrap(e, "%.500s", path);
    for (size_t i = 0; result == 0 && i < folder.n; i++) {
        result = name_type(t, &folder.names[i], &type, e);
        if (result == 0)
            result = each(arg, folder.names[i].text, type);
    }
    ext_folder_free(&folder);
    return result;
}

static void ext_close(struct tree *tree)
{
    struct ext_tree *t = (struct ext_tree *)tree;

    forget_xattrs(t);
    ext_folder_free(&t->folder);
    free(t->folder_path);
    ext_io_close(&t->io);
    free(t);
}

static const struct tree_ops ext_ops = {
    .kind = "ext",
    .stat = ext_stat,
    .list = ext_list,
    .read = ext_read,
    .close = ext_close,
};

/* ---- open ---- */

/* libext2fs takes memory for every group that the superblock claims. */
static int check_superblock(struct blockdev *bd, struct err *e)
{
    struct ext2_super_block super;
    uint64_t blocks;

    if (bd->bytes < SUPER_OFFSET + sizeof(super))
        return err_set(e, ERR_SYNTAX, "%s: too small for an ext filesystem", bd->name);
    if (blockdev_pread(bd, &super, sizeof(super), SUPER_OFFSET, e) < 0)
        return -1;
    if (super.s_magic != EXT2_SUPER_MAGIC)
        return err_set(e, ERR_SYNTAX, "%s: no ext filesystem", bd->name);
    blocks = ext2fs_blocks_count(&super);
    if (super.s_log_block_size > MAX_LOG_BLOCK || super.s_blocks_per_group < MIN_GROUP)
        return err_set(e, ERR_SYNTAX, "%s: a damaged ext superblock", bd->name);
    if (blocks > bd->bytes >> (10 + super.s_log_block_size))
        return err_set(e, ERR_SYNTAX, "%s: the ext filesystem is larger than what holds it",
                       bd->name);
    return 0;
}

struct tree *ext_tree_open(struct blockdev *bd, struct err *e)
{
    struct ext_tree *t;

    if (check_superblock(bd, e) < 0)
        return NULL;
    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        err_no_memory(e);
        return NULL;
    }
    t->tree.ops = &ext_ops;
    if (ext_io_open(&t->io, bd, EXT2_FLAG_64BITS, e) < 0) {
        free(t);
        return NULL;
    }
    return &t->tree;
}

bool ext_tree_needs_recovery(struct tree *tree)
{
    return ext2fs_has_feature_journal_needs_recovery(((struct ext_tree *)tree)->io.fs->super);
}

int ext_is_on(struct blockdev *bd, bool *is, struct err *e)
{
    uint16_t magic;
    size_t at = SUPER_OFFSET + offsetof(struct ext2_super_block, s_magic);

    *is = false;
    if (bd->bytes < at + sizeof(magic))
        return 0;
    if (blockdev_pread(bd, &magic, sizeof(magic), at, e) < 0)
        return -1;
    *is = le16toh(magic) == EXT2_SUPER_MAGIC;
    return 0;
}
