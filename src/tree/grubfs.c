// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * grubfs.c: what GRUB can read, as a tree. GRUB's own program grub-fstest does the reading, one run
 * for each folder and each file, with the device shown to it as an overlay (block/overlay.h) on
 * which nothing is written. It is jailed before it sees a byte; what comes back are lists of names
 * and bytes of files, and no word of it is trusted.
 *
 * GRUB follows symlinks itself, so the tree has none. A name whose symlink leads nowhere, or to a
 * folder, is in no list; a folder can be looked up by it.
 */
#include "tree/grubfs.h"
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "tree/grubfs_list.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#define TOOL     "grub-fstest"
#define DISK     "(loop0)"
#define LIST_MAX (16 * MIB)
#define KIND_MAX 32

struct grubfs {
    struct tree tree;
    struct blockdev *own;     /* the overlay that was opened for it, or NULL */
    struct blockdev *overlay; /* that the tool works on */
    struct extent shown;      /* the part of it with the filesystem */
    char kind[KIND_MAX];
    char *root;        /* the folder that is the tree's root */
    char *folder_path; /* the folder read last, or NULL; and what is in it */
    struct grubfs_list folder;
    char *file_path; /* the file read last, and its content */
    int file;
};

/* ---- the tool ---- */

/* Runs one of its commands on a path of the filesystem. Returns what it printed, a descriptor. */
static int run(struct grubfs *t, const char *command, const char *option, const char *path,
               struct err *e)
{
    static const char *const env[] = {OVERLAY_JAILED, NULL};
    _cleanup_close_ int out = memfd_create("grub-fstest", MFD_CLOEXEC);
    char device[MEM_PATH];
    const char *argv[] = {TOOL, "--", overlay_path(t->overlay, device), command, option,
                          path, NULL};
    struct spawn spawn = {.argv = argv, .env = env, .stdin_fd = -1, .stdout_fd = out};

    if (out < 0)
        return err_errno(e, "memory for what " TOOL " reads");
    if (option == NULL) {
        argv[4] = path;
        argv[5] = NULL;
    }
    if (overlay_run_part(t->overlay, &t->shown, &spawn, NULL, e) < 0) {
        err_plain(e);
        return -1;
    }
    return steal_fd(&out);
}

/* The path as GRUB has it; a folder's ends with a slash. */
static char *grub_path(const struct grubfs *t, const char *path, bool folder, struct err *e)
{
    return io_format(e, DISK "/%s%s%s%s", t->root, *t->root != '\0' ? "/" : "", path,
                     folder && *path != '\0' ? "/" : "");
}

/* All of a text that the tool printed, NUL-terminated. */
static char *take_text(int fd, struct err *e)
{
    off_t bytes = lseek(fd, 0, SEEK_END);
    _cleanup_free_ char *text = NULL;

    if (bytes < 0 || (uint64_t)bytes > LIST_MAX) {
        err_set(e, ERR_FAILED, "a folder with more than %llu bytes of names",
                (unsigned long long)LIST_MAX);
        return NULL;
    }
    text = calloc(1, (size_t)bytes + 1);
    if (text == NULL) {
        err_no_memory(e);
        return NULL;
    }
    return io_pread(fd, text, (size_t)bytes, 0, e) < 0 ? NULL : steal(text);
}

/* ---- folders ---- */

/* What GRUB lists of a path that is no folder is nothing, as of an empty one. */
static int read_folder(struct grubfs *t, const char *path, struct grubfs_list *list, struct err *e)
{
    _cleanup_free_ char *where = grub_path(t, path, true, e);
    _cleanup_close_ int out = where == NULL ? -1 : run(t, "ls", "-la", where, e);
    _cleanup_free_ char *text = out < 0 ? NULL : take_text(out, e);

    if (text == NULL || grubfs_list_parse(text, list, e) < 0)
        return err_wrap(e, "%.500s", path);
    return 0;
}

static void forget_folder(struct grubfs *t)
{
    grubfs_list_clear(&t->folder);
    free(steal(t->folder_path));
}

static int open_folder(struct grubfs *t, const char *path, struct err *e)
{
    if (t->folder_path != NULL && strcmp(t->folder_path, path) == 0)
        return 0;
    forget_folder(t);
    if (read_folder(t, path, &t->folder, e) < 0)
        return -1;
    t->folder_path = strdup(path);
    return t->folder_path != NULL ? 0 : err_no_memory(e);
}

static int grubfs_stat(struct tree *tree, const char *path, struct tree_entry *entry, struct err *e)
{
    struct grubfs *t = (struct grubfs *)tree;
    const char *last = strrchr(path, '/');
    _cleanup_free_ char *parent = strndup(path, last != NULL ? (size_t)(last - path) : 0);
    const struct grubfs_name *name;

    *entry = (struct tree_entry){.path = path, .type = TREE_DIR};
    if (*path == '\0')
        return 0;
    if (parent == NULL)
        return err_no_memory(e);
    if (open_folder(t, parent, e) < 0)
        return -1;
    name = grubfs_list_find(&t->folder, last != NULL ? last + 1 : path);
    if (name != NULL) {
        entry->type = name->type;
        entry->size = name->size;
        return 0;
    }
    if (open_folder(t, path, e) < 0)
        return -1;
    return t->folder.n > 0 ? 0 : err_set(e, ERR_NOT_FOUND, "%.500s: not found", path);
}

/* each() may look up other paths: the list is its own. */
static int grubfs_list(struct tree *tree, const char *path,
                       int (*each)(void *arg, const char *name, enum tree_type type), void *arg,
                       struct err *e)
{
    struct grubfs_list list = {0};
    int result = read_folder((struct grubfs *)tree, path, &list, e);

    for (size_t i = 0; result == 0 && i < list.n; i++)
        result = each(arg, list.names[i].text, list.names[i].type);
    grubfs_list_clear(&list);
    return result;
}

/* ---- files ---- */

static int open_file(struct grubfs *t, const char *path, struct err *e)
{
    _cleanup_free_ char *where = NULL;

    if (t->file_path != NULL && strcmp(t->file_path, path) == 0)
        return 0;
    cleanup_close(&t->file);
    t->file = -1;
    free(steal(t->file_path));
    where = grub_path(t, path, false, e);
    t->file = where == NULL ? -1 : run(t, "cat", NULL, where, e);
    if (t->file < 0)
        return err_wrap(e, "%.500s", path);
    t->file_path = strdup(path);
    return t->file_path != NULL ? 0 : err_no_memory(e);
}

static int grubfs_read(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
                       size_t *got, struct err *e)
{
    struct grubfs *t = (struct grubfs *)tree;
    ssize_t some;

    *got = 0;
    if (open_file(t, path, e) < 0)
        return -1;
    while (*got < n) {
        some = pread(t->file, (char *)buf + *got, n - *got, (off_t)(offset + *got));
        if (some < 0)
            return err_errno(e, "%.500s", path);
        if (some == 0)
            break;
        *got += (size_t)some;
    }
    return 0;
}

/* ---- the tree ---- */

static void grubfs_close(struct tree *tree)
{
    struct grubfs *t = (struct grubfs *)tree;

    forget_folder(t);
    free(t->file_path);
    cleanup_close(&t->file);
    free(t->root);
    blockdev_close(t->own);
    free(t);
}

static const struct tree_ops grubfs_ops = {
    .kind = "GRUB",
    .stat = grubfs_stat,
    .list = grubfs_list,
    .read = grubfs_read,
    .close = grubfs_close,
};

const char *grubfs_kind(struct tree *tree)
{
    return ((struct grubfs *)tree)->kind;
}

int grubfs_set_root(struct tree *tree, const char *folder, struct err *e)
{
    struct grubfs *t = (struct grubfs *)tree;
    char *root = strdup(folder);

    if (root == NULL)
        return err_no_memory(e);
    free(t->root);
    t->root = root;
    forget_folder(t);
    free(steal(t->file_path));
    return 0;
}

/* "Device loop0: Filesystem type btrfs, UUID ... - Sector size 512B - Total size 409600KiB" */
static int read_kind(struct grubfs *t, const char *name, struct err *e)
{
    static const char before[] = "Filesystem type ";
    _cleanup_close_ int out = run(t, "ls", "-l", DISK, e);
    _cleanup_free_ char *text = out < 0 ? NULL : take_text(out, e);
    const char *kind;
    size_t len = 0;

    if (text == NULL)
        return err_wrap(e, "%s", name);
    kind = strstr(text, before);
    kind = kind != NULL ? kind + strlen(before) : "";
    while (isalnum((unsigned char)kind[len]) || kind[len] == '_')
        len++;
    if (len == 0 || len >= KIND_MAX)
        return err_set(e, ERR_UNSUPPORTED, "%s: no filesystem that GRUB can read", name);
    memcpy(t->kind, kind, len);
    return 0;
}

/* An overlay is shown as it is; anything else gets one, to be read through. */
static int show(struct grubfs *t, struct blockdev *bd, struct err *e)
{
    uint64_t start = 0;
    struct blockdev *below = slice_below(bd, &start);

    t->shown = (struct extent){0, bd->bytes};
    if (below != NULL && overlay_is(below)) {
        t->overlay = below;
        t->shown.start = start;
        return 0;
    }
    t->overlay = t->own = overlay_open(bd, NULL, e);
    return t->own != NULL ? 0 : -1;
}

struct tree *grubfs_tree_open(struct blockdev *bd, struct err *e)
{
    struct grubfs *t = calloc(1, sizeof(*t));
    _cleanup_tree_ struct tree *tree = t != NULL ? &t->tree : NULL;

    if (t == NULL) {
        err_no_memory(e);
        return NULL;
    }
    t->tree.ops = &grubfs_ops;
    t->file = -1;
    if (grubfs_set_root(tree, "", e) < 0 || show(t, bd, e) < 0 || read_kind(t, bd->name, e) < 0)
        return NULL;
    return steal(tree);
}
