// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * tar.c: streams an archive through libarchive as a tree.
 *
 * Content is handed on where libarchive has it, without a copy. Paths leave here clean
 * (tree_path_clean) or not at all. The bytes of a name are the archive's own, whatever the locale.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "tree/libarchive.h"
#include "tree/tree.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define NSEC       1000000000u
#define READ_BYTES (256 * KIB) /* stays in the processor's cache until the content is copied on */

struct tar {
    struct tree tree;
    struct tree_source source;
    struct archive *archive;
    struct archive_entry *entry; /* libarchive's */
    int fd;
    char *name;
    char *buffer;
    char path[PATH_MAX], target[PATH_MAX];
    struct tree_xattr *xattrs;
    struct extent *data;
    void *acls[2]; /* access and default, in getxattr's form */
};

/* ---- reading the descriptor ---- */

static la_ssize_t read_some(struct archive *archive, void *arg, const void **buf)
{
    struct tar *tar = arg;
    ssize_t got;

    do
        got = read(tar->fd, tar->buffer, READ_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        la.archive_set_error(archive, errno, "%s", strerror(errno));
    *buf = tar->buffer;
    return got;
}

static int archive_failed(struct tar *tar, const char *what, struct err *e)
{
    const char *words = la.archive_error_string(tar->archive);

    return err_set(e, la.archive_errno(tar->archive) == ENOMEM ? ERR_NO_MEMORY : ERR_FAILED,
                   "%s: %s: %s", tar->name, what, words != NULL ? words : "unknown error");
}

/* ---- ACLs: libarchive's into getxattr's form ---- */

struct acl_entry {
    uint16_t tag, perm;
    uint32_t id;
};

/* Ids that the archive gives only as names are this machine's, as with tar -x. */
static int acl_id(int tag, int id, const char *name, uint32_t *found, struct err *e)
{
    const struct passwd *user = NULL;
    const struct group *group = NULL;

    if (id < 0 && name != NULL && *name != '\0') {
        if (tag == ARCHIVE_ENTRY_ACL_USER && (user = getpwnam(name)) != NULL)
            id = (int)user->pw_uid;
        if (tag == ARCHIVE_ENTRY_ACL_GROUP && (group = getgrnam(name)) != NULL)
            id = (int)group->gr_gid;
    }
    if (id < 0 && user == NULL && group == NULL) {
        err_set(e, ERR_UNSUPPORTED, "an ACL names \"%s\", which this machine does not know",
                name != NULL ? name : "");
        return err_hint(e, "make the archive with tar --numeric-owner");
    }
    *found = (uint32_t)id;
    return 0;
}

static int acl_entry(int type, int permset, int tag, int id, const char *name,
                     struct acl_entry *entry, struct err *e)
{
    static const struct {
        int tag;
        uint16_t linux_tag;
    } tags[] = {{ARCHIVE_ENTRY_ACL_USER_OBJ, 0x01},  {ARCHIVE_ENTRY_ACL_USER, 0x02},
                {ARCHIVE_ENTRY_ACL_GROUP_OBJ, 0x04}, {ARCHIVE_ENTRY_ACL_GROUP, 0x08},
                {ARCHIVE_ENTRY_ACL_MASK, 0x10},      {ARCHIVE_ENTRY_ACL_OTHER, 0x20}};

    (void)type;
    *entry = (struct acl_entry){.perm = (uint16_t)(permset & 7), .id = UINT32_MAX};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (tags[i].tag == tag)
            entry->tag = tags[i].linux_tag;
    if (entry->tag == 0)
        return err_set(e, ERR_UNSUPPORTED, "an ACL that is not of the POSIX kind");
    if (tag != ARCHIVE_ENTRY_ACL_USER && tag != ARCHIVE_ENTRY_ACL_GROUP)
        return 0;
    return acl_id(tag, id, name, &entry->id, e);
}

static int compare_acl(const void *a, const void *b)
{
    const struct acl_entry *x = a, *y = b;

    if (x->tag != y->tag)
        return x->tag < y->tag ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* One kind of ACL into a new buffer, *acl NULL when the entry has none. */
static int convert_acl(struct archive_entry *from, int kind, void **acl, size_t *len, struct err *e)
{
    int n = la.archive_entry_acl_reset(from, kind), type, permset, tag, id;
    uint32_t version = 2;
    struct acl_entry *entries;
    const char *name;
    size_t used = 0;

    *acl = NULL;
    if (n <= 0)
        return 0;
    *acl = malloc(sizeof(version) + (size_t)n * sizeof(*entries));
    if (*acl == NULL)
        return err_no_memory(e);
    memcpy(*acl, &version, sizeof(version));
    entries = (void *)((char *)*acl + sizeof(version));
    while (used < (size_t)n &&
           la.archive_entry_acl_next(from, kind, &type, &permset, &tag, &id, &name) == ARCHIVE_OK)
        if (acl_entry(type, permset, tag, id, name, &entries[used++], e) < 0)
            return -1;
    qsort(entries, used, sizeof(*entries), compare_acl);
    *len = sizeof(version) + used * sizeof(*entries);
    return 0;
}

/* ---- one entry ---- */

static void forget_entry(struct tar *tar)
{
    free(tar->xattrs);
    free(tar->data);
    free(tar->acls[0]);
    free(tar->acls[1]);
    tar->xattrs = NULL;
    tar->data = NULL;
    tar->acls[0] = tar->acls[1] = NULL;
}

static int add_acl(struct tar *tar, struct tree_entry *entry, int which, int kind, const char *name,
                   struct err *e)
{
    size_t len;

    if (convert_acl(tar->entry, kind, &tar->acls[which], &len, e) < 0)
        return -1;
    if (tar->acls[which] != NULL)
        tar->xattrs[entry->n_xattrs++] = (struct tree_xattr){name, tar->acls[which], len};
    return 0;
}

static int set_xattrs(struct tar *tar, struct tree_entry *entry, struct err *e)
{
    int n = la.archive_entry_xattr_reset(tar->entry);
    const char *name;
    const void *value;
    size_t len;

    tar->xattrs = calloc((size_t)n + 2, sizeof(*tar->xattrs));
    if (tar->xattrs == NULL)
        return err_no_memory(e);
    entry->xattrs = tar->xattrs;
    while (entry->n_xattrs < (size_t)n &&
           la.archive_entry_xattr_next(tar->entry, &name, &value, &len) == ARCHIVE_OK)
        if (name != NULL)
            tar->xattrs[entry->n_xattrs++] = (struct tree_xattr){name, value, len};
    if ((la.archive_entry_acl_types(tar->entry) & ARCHIVE_ENTRY_ACL_TYPE_POSIX1E) == 0)
        return 0;
    if (add_acl(tar, entry, 0, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", e) < 0)
        return -1;
    return add_acl(tar, entry, 1, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", e);
}

static int set_sparse(struct tar *tar, struct tree_entry *entry, struct err *e)
{
    int n = la.archive_entry_sparse_reset(tar->entry);
    la_int64_t start, bytes;

    if (n <= 0)
        return 0;
    tar->data = calloc((size_t)n, sizeof(*tar->data));
    if (tar->data == NULL)
        return err_no_memory(e);
    entry->sparse = true;
    entry->data = tar->data;
    while (entry->n_data < (size_t)n &&
           la.archive_entry_sparse_next(tar->entry, &start, &bytes) == ARCHIVE_OK)
        if (bytes > 0)
            tar->data[entry->n_data++] = (struct extent){(uint64_t)start, (uint64_t)bytes};
    return 0;
}

static int set_type(struct tar *tar, struct tree_entry *entry, struct err *e)
{
    static const struct {
        __LA_MODE_T mode;
        enum tree_type type;
    } types[] = {{AE_IFREG, TREE_FILE},   {AE_IFDIR, TREE_DIR},   {AE_IFLNK, TREE_SYMLINK},
                 {AE_IFCHR, TREE_CHAR},   {AE_IFBLK, TREE_BLOCK}, {AE_IFIFO, TREE_FIFO},
                 {AE_IFSOCK, TREE_SOCKET}};
    const char *hardlink = la.archive_entry_hardlink(tar->entry);

    if (hardlink != NULL) {
        entry->type = TREE_HARDLINK;
        entry->target = tar->target;
        return tree_path_clean(hardlink, tar->target, sizeof(tar->target), e);
    }
    if (la.archive_entry_filetype(tar->entry) == AE_IFLNK) {
        entry->target = la.archive_entry_symlink(tar->entry);
        if (entry->target == NULL)
            return err_set(e, ERR_SYNTAX, "a symlink without a target");
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].mode == la.archive_entry_filetype(tar->entry)) {
            entry->type = types[i].type;
            return 0;
        }
    }
    return err_set(e, ERR_UNSUPPORTED, "an entry of an unknown type");
}

/* libarchive reads a pax time of "-1.5" as -1 seconds and half a second more: of a negative time it
 * gives the fraction without its sign. */
static void set_time(struct archive_entry *from, struct tree_entry *entry)
{
    entry->mtime = la.archive_entry_mtime(from);
    entry->mtime_nsec = (uint32_t)la.archive_entry_mtime_nsec(from);
    if (entry->mtime < 0 && entry->mtime_nsec > 0) {
        entry->mtime--;
        entry->mtime_nsec = NSEC - entry->mtime_nsec;
    }
}

static int set_entry(struct tar *tar, struct tree_entry *entry, struct err *e)
{
    struct archive_entry *from = tar->entry;
    la_int64_t size = la.archive_entry_size(from);

    *entry = (struct tree_entry){
        .path = tar->path,
        .mode = (unsigned)la.archive_entry_perm(from) & 07777,
        .uid = (uint32_t)la.archive_entry_uid(from),
        .gid = (uint32_t)la.archive_entry_gid(from),
        .major = (unsigned)la.archive_entry_rdevmajor(from),
        .minor = (unsigned)la.archive_entry_rdevminor(from),
    };
    set_time(from, entry);
    if (set_type(tar, entry, e) < 0 || set_xattrs(tar, entry, e) < 0)
        return -1;
    if (entry->type != TREE_FILE)
        return 0;
    if (size < 0)
        return err_set(e, ERR_SYNTAX, "a negative size");
    entry->size = (uint64_t)size;
    return set_sparse(tar, entry, e);
}

static int tar_next(struct tree *tree, struct tree_entry *entry, struct err *e)
{
    struct tar *tar = (struct tar *)tree;
    const char *path;
    int status = la.archive_read_next_header(tar->archive, &tar->entry);

    forget_entry(tar);
    if (status == ARCHIVE_EOF)
        return 0;
    /* a warning is about a name in another character set than the locale's; the name is kept */
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        return archive_failed(tar, "reading the next entry", e);
    path = la.archive_entry_pathname(tar->entry);
    if (path == NULL)
        return err_set(e, ERR_SYNTAX, "%s: an entry without a path", tar->name);
    if (tree_path_clean(path, tar->path, sizeof(tar->path), e) < 0)
        return err_wrap(e, "%s", tar->name);
    if (set_entry(tar, entry, e) < 0)
        return err_wrap(e, "%s: %.500s", tar->name, tar->path);
    return 1;
}

static int tar_piece(struct tree_source *source, const void **buf, size_t *n, uint64_t *offset,
                     struct err *e)
{
    struct tar *tar = (struct tar *)((char *)source - offsetof(struct tar, source));
    la_int64_t at;
    int status = la.archive_read_data_block(tar->archive, buf, n, &at);

    if (status == ARCHIVE_EOF)
        return 0;
    if (status != ARCHIVE_OK)
        return archive_failed(tar, tar->path, e);
    *offset = (uint64_t)at;
    return 1;
}

static struct tree_source *tar_content(struct tree *tree)
{
    return &((struct tar *)tree)->source;
}

static void tar_close(struct tree *tree)
{
    struct tar *tar = (struct tar *)tree;

    forget_entry(tar);
    if (tar->archive != NULL)
        la.archive_read_free(tar->archive);
    cleanup_close(&tar->fd);
    free(tar->buffer);
    free(tar->name);
    free(tar);
}

static const struct tree_ops tar_ops = {
    .kind = "tar",
    .next = tar_next,
    .content = tar_content,
    .close = tar_close,
};

static int tar_start(struct tar *tar, const char *name, struct err *e)
{
    if (libarchive_load(e) < 0)
        return -1;
    tar->name = strdup(name);
    tar->buffer = malloc(READ_BYTES);
    tar->archive = la.archive_read_new();
    if (tar->name == NULL || tar->buffer == NULL || tar->archive == NULL)
        return err_no_memory(e);
    if (la.archive_read_support_filter_all(tar->archive) < ARCHIVE_WARN ||
        la.archive_read_support_format_tar(tar->archive) < ARCHIVE_WARN ||
        la.archive_read_open(tar->archive, tar, NULL, read_some, NULL) != ARCHIVE_OK)
        return archive_failed(tar, "opening the archive", e);
    return 0;
}

struct tree *tar_tree_open(int fd, const char *name, struct err *e)
{
    struct tar *tar = calloc(1, sizeof(*tar));

    if (tar == NULL) {
        err_no_memory(e);
        cleanup_close(&fd);
        return NULL;
    }
    tar->tree.ops = &tar_ops;
    tar->source.next = tar_piece;
    tar->fd = fd;
    if (tar_start(tar, name, e) < 0) {
        tar_close(&tar->tree);
        return NULL;
    }
    return &tar->tree;
}
