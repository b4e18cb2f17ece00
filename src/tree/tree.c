// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * tree.c: what every tree has in common: the checked call of a driver, symlinks followed inside a
 * tree, whole files, clean paths.
 *
 * Nothing here leaves the tree: a symlink's target is resolved against the tree's root.
 */
#include "tree/tree.h"
#include "core/cleanup.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#define MAX_LINKS     40  /* as Linux's own path walk */
#define MAX_COMPONENT 255 /* bytes of one name, on every filesystem that berth writes */

static int missing(struct tree *tree, const char *operation, struct err *e)
{
    return err_set(e, ERR_UNSUPPORTED, "a tree of the kind \"%s\" cannot %s", tree->ops->kind,
                   operation);
}

int tree_next(struct tree *tree, struct tree_entry *entry, struct err *e)
{
    if (tree->ops->next == NULL)
        return missing(tree, "be streamed", e);
    return tree->ops->next(tree, entry, e);
}

struct tree_source *tree_content(struct tree *tree)
{
    return tree->ops->content != NULL ? tree->ops->content(tree) : NULL;
}

int tree_stat(struct tree *tree, const char *path, struct tree_entry *entry, struct err *e)
{
    if (tree->ops->stat == NULL)
        return missing(tree, "look up a path", e);
    return tree->ops->stat(tree, path, entry, e);
}

int tree_list(struct tree *tree, const char *path,
              int (*each)(void *arg, const char *name, enum tree_type type), void *arg,
              struct err *e)
{
    if (tree->ops->list == NULL)
        return missing(tree, "list a folder", e);
    return tree->ops->list(tree, path, each, arg, e);
}

int tree_read(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
              size_t *got, struct err *e)
{
    *got = 0;
    if (tree->ops->read == NULL)
        return missing(tree, "read a file", e);
    return tree->ops->read(tree, path, buf, n, offset, got, e);
}

int tree_put(struct tree *tree, const struct tree_entry *entry, struct tree_source *content,
             struct err *e)
{
    if (tree->ops->put == NULL)
        return missing(tree, "take a new entry", e);
    return tree->ops->put(tree, entry, content, e);
}

int tree_remove(struct tree *tree, const char *path, struct err *e)
{
    if (tree->ops->remove == NULL)
        return missing(tree, "remove an entry", e);
    return tree->ops->remove(tree, path, e);
}

int tree_overwrite(struct tree *tree, const char *path, uint64_t offset, const void *buf, size_t n,
                   struct err *e)
{
    if (tree->ops->overwrite == NULL)
        return missing(tree, "overwrite a file in place", e);
    return tree->ops->overwrite(tree, path, offset, buf, n, e);
}

int tree_sync(struct tree *tree, struct err *e)
{
    if (tree->ops->sync == NULL)
        return missing(tree, "be written", e);
    return tree->ops->sync(tree, e);
}

void tree_close(struct tree *tree)
{
    if (tree != NULL)
        tree->ops->close(tree);
}

void tree_cleanup(struct tree **tree)
{
    tree_close(*tree);
}

int64_t tree_now(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end;
    long long seconds;

    if (epoch == NULL || *epoch == '\0')
        return time(NULL);
    errno = 0;
    seconds = strtoll(epoch, &end, 10);
    return *end == '\0' && errno == 0 && seconds >= 0 ? seconds : time(NULL);
}

/* ---- following symlinks ---- */

struct walk {
    char done[PATH_MAX]; /* resolved so far: a path without symlinks */
    char rest[PATH_MAX]; /* still to walk */
    unsigned links;
};

static int too_long(const char *path, struct err *e)
{
    return err_set(e, ERR_FAILED, "%.200s: the path is too long", path);
}

/* Puts the target in front of what is left to walk. */
static int walk_link(struct walk *walk, const char *path, const char *target, struct err *e)
{
    char rest[PATH_MAX];

    if (++walk->links > MAX_LINKS)
        return err_set(e, ERR_FAILED, "%s: more than %d symlinks", path, MAX_LINKS);
    if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest) >= sizeof(rest))
        return too_long(path, e);
    memcpy(walk->rest, rest, sizeof(rest));
    if (target[0] == '/')
        walk->done[0] = '\0';
    return 0;
}

static void walk_up(struct walk *walk)
{
    char *slash = strrchr(walk->done, '/');

    *(slash != NULL ? slash : walk->done) = '\0';
}

/* Takes one component: into a folder, or over a symlink. */
static int walk_component(struct tree *tree, struct walk *walk, const char *path, const char *name,
                          struct err *e)
{
    char next[PATH_MAX];
    struct tree_entry entry;

    if (name[0] == '\0' || strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        walk_up(walk);
        return 0;
    }
    if ((size_t)snprintf(next, sizeof(next), "%s%s%s", walk->done, walk->done[0] ? "/" : "",
                         name) >= sizeof(next))
        return too_long(path, e);
    if (tree_stat(tree, next, &entry, e) < 0)
        return -1;
    if (entry.type == TREE_SYMLINK)
        return walk_link(walk, path, entry.target, e);
    memcpy(walk->done, next, sizeof(next));
    return 0;
}

int tree_find(struct tree *tree, const char *path, char **found, struct err *e)
{
    struct walk walk = {.links = 0};

    if (strlen(path) >= sizeof(walk.rest))
        return too_long(path, e);
    strcpy(walk.rest, path);
    while (walk.rest[0] != '\0') {
        char name[PATH_MAX];
        size_t len = strcspn(walk.rest, "/");

        memcpy(name, walk.rest, len);
        name[len] = '\0';
        len += walk.rest[len] == '/';
        memmove(walk.rest, walk.rest + len, strlen(walk.rest + len) + 1);
        if (walk_component(tree, &walk, path, name, e) < 0)
            return -1;
    }
    *found = strdup(walk.done);
    return *found != NULL ? 0 : err_no_memory(e);
}

/* ---- whole files ---- */

static int check_file(const struct tree_entry *entry, const char *path, size_t max, struct err *e)
{
    if (entry->type != TREE_FILE)
        return err_set(e, ERR_FAILED, "%s: not a file", path);
    if (entry->size > max)
        return err_set(e, ERR_FAILED, "%s: %llu bytes, more than the %zu that are sensible", path,
                       (unsigned long long)entry->size, max);
    return 0;
}

int tree_read_file(struct tree *tree, const char *path, size_t max, char **data, size_t *len,
                   struct err *e)
{
    _cleanup_free_ char *found = NULL;
    _cleanup_free_ char *buf = NULL;
    struct tree_entry entry;
    size_t size, got = 0;

    if (tree_find(tree, path, &found, e) < 0 || tree_stat(tree, found, &entry, e) < 0 ||
        check_file(&entry, path, max, e) < 0)
        return -1;
    size = (size_t)entry.size;
    buf = malloc(size + 1);
    if (buf == NULL)
        return err_no_memory(e);
    if (tree_read(tree, found, buf, size, 0, &got, e) < 0)
        return -1;
    buf[got] = '\0';
    if (len != NULL)
        *len = got;
    *data = steal(buf);
    return 0;
}

int tree_put_file(struct tree *tree, const char *path, unsigned mode, const void *data, size_t len,
                  struct err *e)
{
    struct tree_entry entry = {
        .path = path, .type = TREE_FILE, .mode = mode, .mtime = tree_now(), .size = len};
    struct tree_bytes bytes;

    return tree_put(tree, &entry, tree_bytes(&bytes, data, len), e);
}

static int bytes_next(struct tree_source *source, const void **buf, size_t *n, uint64_t *offset,
                      struct err *e)
{
    struct tree_bytes *bytes = (struct tree_bytes *)source;

    (void)e;
    if (bytes->given || bytes->len == 0)
        return 0;
    bytes->given = true;
    *buf = bytes->data;
    *n = bytes->len;
    *offset = 0;
    return 1;
}

struct tree_source *tree_bytes(struct tree_bytes *bytes, const void *data, size_t len)
{
    *bytes = (struct tree_bytes){.source = {.next = bytes_next}, .data = data, .len = len};
    return &bytes->source;
}

/* ---- clean paths ---- */

int tree_path_clean(const char *path, char *out, size_t len, struct err *e)
{
    size_t used = 0;

    for (const char *p = path; *p != '\0';) {
        size_t n = strcspn(p, "/");

        if (n == 2 && memcmp(p, "..", 2) == 0)
            return err_set(e, ERR_REFUSED, "%.500s: the path has a \"..\"", path);
        if (n > MAX_COMPONENT)
            return err_set(e, ERR_REFUSED, "%.500s: a name is longer than %d bytes", path,
                           MAX_COMPONENT);
        if (n > 0 && !(n == 1 && *p == '.')) {
            if (used + n + 2 > len)
                return err_set(e, ERR_REFUSED, "%.200s...: the path is too long", path);
            if (used > 0)
                out[used++] = '/';
            memcpy(out + used, p, n);
            used += n;
        }
        p += n + (p[n] == '/');
    }
    out[used] = '\0';
    return 0;
}
