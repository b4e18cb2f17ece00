// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * outline.c: names near the root and heads of a few files, in memory.
 *
 * Entries are kept in the order they came; a later one of the same path takes the place of the
 * earlier. Sizes are bounded: names at most three levels deep, heads of 64 KiB (etc/os-release and
 * the like) or one ELF header (programs), and a count that no real system reaches.
 */
#include "os/outline.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <fnmatch.h>
#include <string.h>

#define MAX_ENTRIES 200000

struct node {
    char *path, *target, *head;
    enum tree_type type;
    unsigned mode;
    uint64_t size; /* of the whole file */
    size_t head_len;
};

struct outline {
    struct tree tree;
    struct node *nodes;
    size_t n, room;
};

/* Whose content is kept, and how much of it. */
static const struct {
    const char *pattern;
    size_t bytes;
} kept[] = {
    {"etc/os-release", 64 * KIB},
    {"usr/lib/os-release", 64 * KIB},
    {"etc/debian_version", 4096},
    {"bin/freebsd-version", 4096},
    {"etc/passwd", 256 * KIB},
    {"etc/group", 256 * KIB},
    {"boot/kernel/kernel", 64},
    {"bin/*", 64},
    {"usr/bin/*", 64},
};

static size_t bytes_to_keep(const struct tree_entry *entry)
{
    for (size_t i = 0; entry->type == TREE_FILE && i < sizeof(kept) / sizeof(kept[0]); i++)
        if (fnmatch(kept[i].pattern, entry->path, FNM_PATHNAME) == 0)
            return kept[i].bytes;
    return 0;
}

/* Zoneinfo may lie deeper than the rest, and says which time zones the system knows. */
static bool is_near_root(const char *path)
{
    unsigned depth = 1;

    if (strncmp(path, "usr/share/zoneinfo/", 19) == 0)
        return true;
    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth <= 3;
}

static struct node *find(struct outline *o, const char *path)
{
    for (size_t i = o->n; i-- > 0;)
        if (strcmp(o->nodes[i].path, path) == 0)
            return &o->nodes[i];
    return NULL;
}

static void outline_node_free(struct node *node)
{
    free(node->path);
    free(node->target);
    free(node->head);
}

static int read_head(struct node *node, size_t max, struct tree_source *content, struct err *e)
{
    const void *piece;
    uint64_t offset;
    size_t n;
    int more;

    node->head = calloc(1, max);
    if (node->head == NULL)
        return err_no_memory(e);
    while ((more = content->next(content, &piece, &n, &offset, e)) > 0 && offset < max) {
        size_t take = n < max - offset ? n : (size_t)(max - offset);

        memcpy(node->head + offset, piece, take);
    }
    node->head_len = node->size < max ? (size_t)node->size : max;
    return more < 0 ? -1 : 0;
}

static struct node *append(struct outline *o, struct err *e)
{
    if (o->n == MAX_ENTRIES) {
        err_set(e, ERR_UNSUPPORTED, "more than %d entries near the root", MAX_ENTRIES);
        return NULL;
    }
    if (o->n == o->room) {
        size_t room = o->room != 0 ? o->room * 2 : 1024;
        struct node *grown = reallocarray(o->nodes, room, sizeof(*grown));

        if (grown == NULL) {
            err_no_memory(e);
            return NULL;
        }
        o->nodes = grown;
        o->room = room;
    }
    o->nodes[o->n] = (struct node){0};
    return &o->nodes[o->n++];
}

int outline_add(struct tree *outline, const struct tree_entry *entry, struct tree_source *content,
                struct err *e)
{
    struct outline *o = (struct outline *)outline;
    size_t keep = bytes_to_keep(entry);
    struct node *node;

    if (!is_near_root(entry->path))
        return 0;
    node = append(o, e);
    if (node == NULL)
        return -1;
    node->type = entry->type;
    node->mode = entry->mode;
    node->size = entry->size;
    node->path = strdup(entry->path);
    node->target = entry->target != NULL ? strdup(entry->target) : NULL;
    if (node->path == NULL || (entry->target != NULL && node->target == NULL)) {
        outline_node_free(node);
        o->n--;
        return err_no_memory(e);
    }
    if (keep == 0 || content == NULL)
        return 0;
    return read_head(node, keep, content, e);
}

/* A hard link stands for what it names; archives list the named file first. */
static struct node *look_up(struct outline *o, const char *path, struct err *e)
{
    struct node *node = find(o, path);

    if (node != NULL && node->type == TREE_HARDLINK)
        node = find(o, node->target);
    if (node == NULL || node->type == TREE_HARDLINK) {
        err_set(e, ERR_NOT_FOUND, "%s: not found", path);
        return NULL;
    }
    return node;
}

/* True when some kept entry lies below path: archives may leave folders out. */
static bool is_implied_folder(const struct outline *o, const char *path)
{
    size_t len = strlen(path);

    if (len == 0)
        return true;
    for (size_t i = 0; i < o->n; i++)
        if (strncmp(o->nodes[i].path, path, len) == 0 && o->nodes[i].path[len] == '/')
            return true;
    return false;
}

static int outline_stat(struct tree *tree, const char *path, struct tree_entry *entry,
                        struct err *e)
{
    struct outline *o = (struct outline *)tree;
    struct node *node = look_up(o, path, e);

    if (node != NULL)
        *entry = (struct tree_entry){.path = node->path,
                                     .type = node->type,
                                     .mode = node->mode,
                                     .size = node->size,
                                     .target = node->target};
    else if (is_implied_folder(o, path))
        *entry = (struct tree_entry){.path = path, .type = TREE_DIR, .mode = 0755};
    else
        return -1;
    return 0;
}

/* The name of the entry of folder `path` that a kept path goes through; its length in *len. A
 * folder without an entry of its own is listed once for each entry below it. */
static const char *name_in(const char *kept_path, const char *path, size_t *len)
{
    size_t skip = strlen(path);

    if (strncmp(kept_path, path, skip) != 0 || kept_path[skip] == '\0')
        return NULL;
    if (skip > 0 && kept_path[skip++] != '/')
        return NULL;
    *len = strcspn(kept_path + skip, "/");
    return kept_path + skip;
}

static int outline_list(struct tree *tree, const char *path,
                        int (*each)(void *arg, const char *name, enum tree_type type), void *arg,
                        struct err *e)
{
    const struct outline *o = (const struct outline *)tree;

    (void)e;
    for (size_t i = 0; i < o->n; i++) {
        char name[256];
        size_t len = 0;
        const char *start = name_in(o->nodes[i].path, path, &len);
        int result;

        if (start == NULL || len >= sizeof(name))
            continue;
        memcpy(name, start, len);
        name[len] = '\0';
        result = each(arg, name, start[len] == '/' ? TREE_DIR : o->nodes[i].type);
        if (result != 0)
            return result;
    }
    return 0;
}

static int outline_read(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
                        size_t *got, struct err *e)
{
    struct node *node = look_up((struct outline *)tree, path, e);

    if (node == NULL)
        return -1;
    *got = offset < node->head_len ? node->head_len - (size_t)offset : 0;
    if (*got > n)
        *got = n;
    if (*got > 0)
        memcpy(buf, node->head + offset, *got);
    return 0;
}

static void outline_close(struct tree *tree)
{
    struct outline *o = (struct outline *)tree;

    for (size_t i = 0; i < o->n; i++)
        outline_node_free(&o->nodes[i]);
    free(o->nodes);
    free(o);
}

static const struct tree_ops outline_ops = {
    .kind = "outline",
    .stat = outline_stat,
    .list = outline_list,
    .read = outline_read,
    .close = outline_close,
};

struct tree *outline_new(struct err *e)
{
    struct outline *o = calloc(1, sizeof(*o));

    if (o == NULL) {
        err_no_memory(e);
        return NULL;
    }
    o->tree.ops = &outline_ops;
    return &o->tree;
}
