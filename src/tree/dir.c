// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * dir.c: a mounted folder as a tree.
 *
 * Every lookup is one openat2 beneath the folder's descriptor that refuses symlinks on the way, so
 * that nobody who can write inside the folder can lead berth out of it. A new file comes by way
 * of a temporary one and a rename; overwrite writes in place. sync is a syncfs: it also brings
 * an ext4's journal home, which a boot loader that replays no journal needs.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "tree/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct dir_tree {
    struct tree tree;
    int fd; /* of the folder, O_PATH */
    char *name;
    char target[PATH_MAX]; /* of the symlink that stat gave last */
};

static struct dir_tree *dir_of(struct tree *tree)
{
    return (struct dir_tree *)tree;
}

/* Opens what path names in a folder. Follows no symlink; with O_PATH | O_NOFOLLOW it opens one. */
static int open_in(int folder, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

static int open_beneath(struct dir_tree *dir, const char *path, int flags)
{
    return open_in(dir->fd, *path == '\0' ? "." : path, flags);
}

/* What errno says about path; nothing is there when a parent is no folder, too. */
static int failed(struct dir_tree *dir, const char *path, struct err *e)
{
    if (errno == ENOTDIR)
        errno = ENOENT;
    if (errno == ELOOP)
        return err_set(e, ERR_REFUSED, "%s/%s: a symlink is in the way", dir->name, path);
    return err_errno(e, "%s/%s", dir->name, path);
}

static enum tree_type mode_type(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return TREE_DIR;
    case S_IFLNK:
        return TREE_SYMLINK;
    case S_IFCHR:
        return TREE_CHAR;
    case S_IFBLK:
        return TREE_BLOCK;
    case S_IFIFO:
        return TREE_FIFO;
    case S_IFSOCK:
        return TREE_SOCKET;
    default:
        return TREE_FILE;
    }
}

static int dir_stat(struct tree *tree, const char *path, struct tree_entry *entry, struct err *e)
{
    struct dir_tree *dir = dir_of(tree);
    _cleanup_close_ int fd = open_beneath(dir, path, O_PATH | O_NOFOLLOW);
    struct stat st;
    ssize_t n = 0;

    if (fd < 0 || fstatat(fd, "", &st, AT_EMPTY_PATH) < 0)
        return failed(dir, path, e);
    if (S_ISLNK(st.st_mode)) {
        n = readlinkat(fd, "", dir->target, sizeof(dir->target) - 1);
        if (n < 0)
            return failed(dir, path, e);
    }
    dir->target[n] = '\0';
    *entry = (struct tree_entry){.path = path,
                                 .type = mode_type(st.st_mode),
                                 .mode = st.st_mode & 07777,
                                 .uid = st.st_uid,
                                 .gid = st.st_gid,
                                 .mtime = st.st_mtim.tv_sec,
                                 .mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
                                 .size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
                                 .target = S_ISLNK(st.st_mode) ? dir->target : NULL,
                                 .major = major(st.st_rdev),
                                 .minor = minor(st.st_rdev)};
    return 0;
}

/* Not every filesystem gives the type with the name. */
static enum tree_type entry_type(int folder, const struct dirent *d)
{
    struct stat st;

    if (d->d_type != DT_UNKNOWN)
        return mode_type((mode_t)DTTOIF(d->d_type));
    if (fstatat(folder, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return TREE_FILE;
    return mode_type(st.st_mode);
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        closedir(*folder);
}

static int dir_list(struct tree *tree, const char *path,
                    int (*each)(void *arg, const char *name, enum tree_type type), void *arg,
                    struct err *e)
{
    struct dir_tree *dir = dir_of(tree);
    __attribute__((cleanup(close_folder))) DIR *folder = NULL;
    int fd = open_beneath(dir, path, O_RDONLY | O_DIRECTORY);

    if (fd < 0)
        return failed(dir, path, e);
    folder = fdopendir(fd);
    if (folder == NULL) {
        cleanup_close(&fd);
        return failed(dir, path, e);
    }
    for (;;) {
        struct dirent *d;
        int status;

        errno = 0;
        d = readdir(folder);
        if (d == NULL)
            return errno == 0 ? 0 : failed(dir, path, e);
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        status = each(arg, d->d_name, entry_type(fd, d));
        if (status != 0)
            return status;
    }
}

/* Only ordinary files: a FIFO or a device would block, or do something. */
static int open_file(struct dir_tree *dir, const char *path, int flags, struct stat *st,
                     struct err *e)
{
    _cleanup_close_ int fd = open_beneath(dir, path, flags | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, st) < 0)
        return failed(dir, path, e);
    if (!S_ISREG(st->st_mode))
        return err_set(e, ERR_FAILED, "%s/%s: not a file", dir->name, path);
    return steal_fd(&fd);
}

static int dir_read(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
                    size_t *got, struct err *e)
{
    struct dir_tree *dir = dir_of(tree);
    struct stat st;
    _cleanup_close_ int fd = open_file(dir, path, O_RDONLY, &st, e);
    ssize_t part = 1;

    if (fd < 0)
        return -1;
    for (*got = 0; *got < n && part > 0;) {
        part = pread(fd, (char *)buf + *got, n - *got, (off_t)(offset + *got));
        if (part < 0 && errno == EINTR)
            part = 1;
        else if (part < 0)
            return failed(dir, path, e);
        else
            *got += (size_t)part;
    }
    return 0;
}

static int dir_overwrite(struct tree *tree, const char *path, uint64_t offset, const void *buf,
                         size_t n, struct err *e)
{
    struct dir_tree *dir = dir_of(tree);
    struct stat st;
    _cleanup_close_ int fd = open_file(dir, path, O_WRONLY, &st, e);

    if (fd < 0)
        return -1;
    if (offset > (uint64_t)st.st_size || n > (uint64_t)st.st_size - offset)
        return err_set(e, ERR_NO_SPACE, "%s/%s has only %llu bytes", dir->name, path,
                       (unsigned long long)st.st_size);
    if (io_pwrite(fd, buf, n, offset, e) < 0)
        return err_wrap(e, "%s/%s", dir->name, path);
    return fsync(fd) < 0 ? failed(dir, path, e) : 0;
}

static int dir_sync(struct tree *tree, struct err *e)
{
    struct dir_tree *dir = dir_of(tree);
    _cleanup_close_ int fd = open_beneath(dir, "", O_RDONLY | O_DIRECTORY);

    if (fd < 0 || syncfs(fd) < 0)
        return failed(dir, "", e);
    return 0;
}

/* ---- put and remove ---- */

/* Opens the folder that path's last component lies in, and gives that component. With make, folders
 * that are missing are made. */
static int open_parent(struct dir_tree *dir, const char *path, bool make, const char **last,
                       struct err *e)
{
    _cleanup_close_ int fd = open_beneath(dir, "", O_PATH | O_DIRECTORY);

    for (*last = path; fd >= 0; *last += strcspn(*last, "/") + 1) {
        size_t len = strcspn(*last, "/");
        char name[NAME_MAX + 1];
        int next;

        if ((*last)[len] == '\0')
            return steal_fd(&fd);
        if (len > NAME_MAX)
            return err_set(e, ERR_REFUSED, "%s/%s: a name is too long", dir->name, path);
        memcpy(name, *last, len);
        name[len] = '\0';
        if (make && mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
            return failed(dir, path, e);
        next = open_in(fd, name, O_PATH | O_DIRECTORY);
        cleanup_close(&fd);
        fd = next;
    }
    return failed(dir, path, e);
}

static int write_content(int fd, const char *path, struct tree_source *content, uint64_t size,
                         struct err *e)
{
    const void *buf;
    size_t n;
    uint64_t offset;
    int more = 0;

    while (content != NULL && (more = content->next(content, &buf, &n, &offset, e)) > 0)
        if (io_pwrite(fd, buf, n, offset, e) < 0)
            return err_wrap(e, "%s", path);
    if (more < 0)
        return -1;
    if (ftruncate(fd, (off_t)size) < 0)
        return err_errno(e, "%s", path);
    return 0;
}

/* Owner first, since changing it clears the set-id bits. Where the filesystem has no owners or
 * modes (FAT), or an ordinary user would give files away, they stay as the folder's mount makes
 * them. */
static int set_attributes(int fd, const struct tree_entry *entry, struct err *e)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = entry->mtime, .tv_nsec = entry->mtime_nsec}};

    if (fchown(fd, entry->uid, entry->gid) < 0 && errno != EPERM)
        return err_errno(e, "%s: setting its owner", entry->path);
    if (fchmod(fd, entry->mode) < 0 && errno != EPERM)
        return err_errno(e, "%s: setting its mode", entry->path);
    for (size_t i = 0; i < entry->n_xattrs; i++)
        if (fsetxattr(fd, entry->xattrs[i].name, entry->xattrs[i].value, entry->xattrs[i].len, 0) <
            0)
            return err_errno(e, "%s: setting %s", entry->path, entry->xattrs[i].name);
    if (futimens(fd, times) < 0)
        return err_errno(e, "%s: setting its time", entry->path);
    return 0;
}

static int put_file(int parent, const char *name, const struct tree_entry *entry,
                    struct tree_source *content, struct err *e)
{
    static const char temporary[] = ".berth-new";
    _cleanup_close_ int fd = -1;

    (void)unlinkat(parent, temporary, 0);
    fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "%s", entry->path);
    if (write_content(fd, entry->path, content, entry->size, e) < 0 ||
        set_attributes(fd, entry, e) < 0 ||
        (fsync(fd) < 0 && err_errno(e, "%s", entry->path) < 0) ||
        (renameat(parent, temporary, parent, name) < 0 && err_errno(e, "%s", entry->path) < 0)) {
        (void)unlinkat(parent, temporary, 0);
        return -1;
    }
    return 0;
}

static int put_folder(int parent, const char *name, const struct tree_entry *entry, struct err *e)
{
    _cleanup_close_ int fd = -1;

    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return err_errno(e, "%s", entry->path);
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "%s", entry->path);
    return set_attributes(fd, entry, e);
}

static int put_symlink(int parent, const char *name, const struct tree_entry *entry, struct err *e)
{
    if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
        return err_errno(e, "%s", entry->path);
    if (symlinkat(entry->target, parent, name) < 0)
        return err_errno(e, "%s", entry->path);
    return 0;
}

static int dir_put(struct tree *tree, const struct tree_entry *entry, struct tree_source *content,
                   struct err *e)
{
    struct dir_tree *dir = dir_of(tree);
    const char *name;
    _cleanup_close_ int parent = open_parent(dir, entry->path, true, &name, e);

    if (parent < 0)
        return -1;
    switch (entry->type) {
    case TREE_FILE:
        return put_file(parent, name, entry, content, e);
    case TREE_DIR:
        return put_folder(parent, *name == '\0' ? "." : name, entry, e);
    case TREE_SYMLINK:
        return put_symlink(parent, name, entry, e);
    default:
        return err_set(e, ERR_UNSUPPORTED, "%s/%s: only files, folders and symlinks can be made",
                       dir->name, entry->path);
    }
}

static int dir_remove(struct tree *tree, const char *path, struct err *e)
{
    struct dir_tree *dir = dir_of(tree);
    struct err why = {0};
    const char *name;
    _cleanup_close_ int parent = open_parent(dir, path, false, &name, &why);

    if (parent < 0 && why.code == ERR_NOT_FOUND)
        return 0;
    if (parent < 0) {
        *e = why;
        return -1;
    }
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR || (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT))
        return failed(dir, path, e);
    return 0;
}

static void dir_close(struct tree *tree)
{
    struct dir_tree *dir = dir_of(tree);

    cleanup_close(&dir->fd);
    free(dir->name);
    free(dir);
}

static const struct tree_ops dir_ops = {
    .kind = "folder",
    .stat = dir_stat,
    .list = dir_list,
    .read = dir_read,
    .put = dir_put,
    .remove = dir_remove,
    .overwrite = dir_overwrite,
    .sync = dir_sync,
    .close = dir_close,
};

struct tree *dir_tree_open(const char *path, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct dir_tree *dir;

    if (fd < 0) {
        err_errno(e, "%s", path);
        return NULL;
    }
    dir = calloc(1, sizeof(*dir));
    if (dir == NULL || (dir->name = strdup(path)) == NULL) {
        free(dir);
        err_no_memory(e);
        return NULL;
    }
    dir->tree.ops = &dir_ops;
    dir->fd = steal_fd(&fd);
    return &dir->tree;
}
