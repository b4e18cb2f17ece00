// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_write_names.c: folders and the names in them, one hash table over all.
 *
 * A folder keeps its names in the order in which they came, so that the same input gives the same
 * blocks. Every name of a folder's inode is in exactly one place: folders have no hardlinks.
 */
#include "tree/ext_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINKS 40

/* FNV-1a over the folder's number and the name. */
static size_t hash(const struct ext_dir *dir, const char *text, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ dir->ino;

    h *= UINT64_C(0x100000001b3);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 29);
}

static struct ext_name **bucket(struct ext_writer *w, const struct ext_dir *dir, const char *text,
                                size_t len)
{
    return &w->buckets[hash(dir, text, len) & (w->n_buckets - 1)];
}

/* Twice the buckets once there is a name for each. */
static int grow(struct ext_writer *w, struct err *e)
{
    size_t n_old = w->n_buckets, n = n_old > 0 ? n_old * 2 : 4096;
    struct ext_name **old = w->buckets, **buckets = calloc(n, sizeof(struct ext_name *));

    if (buckets == NULL)
        return err_no_memory(e);
    w->buckets = buckets;
    w->n_buckets = n;
    for (size_t i = 0; i < n_old; i++) {
        for (struct ext_name *name = old[i], *next; name != NULL; name = next) {
            struct ext_name **to = bucket(w, name->dir, name->text, name->len);

            next = name->next_in_bucket;
            name->next_in_bucket = *to;
            *to = name;
        }
    }
    free(old);
    return 0;
}

struct ext_dir *ext_root(struct ext_writer *w)
{
    return ext_inode_get(w, EXT2_ROOT_INO)->dir;
}

int ext_dir_new(struct ext_writer *w, uint32_t ino, struct ext_dir *parent, struct err *e)
{
    struct ext_dir *dir = calloc(1, sizeof(*dir));

    if (dir == NULL)
        return err_no_memory(e);
    dir->ino = ino;
    dir->parent = parent != NULL ? parent : dir;
    dir->changed = true;
    ext_inode_get(w, ino)->dir = dir;
    return 0;
}

struct ext_name *ext_name_find(struct ext_writer *w, struct ext_dir *dir, const char *text,
                               size_t len)
{
    struct ext_name *name = w->n_buckets > 0 ? *bucket(w, dir, text, len) : NULL;

    while (name != NULL &&
           !(name->dir == dir && name->len == len && memcmp(name->text, text, len) == 0))
        name = name->next_in_bucket;
    return name;
}

static void append(struct ext_dir *dir, struct ext_name *name)
{
    name->dir = dir;
    name->before = dir->last;
    *(dir->last != NULL ? &dir->last->after : &dir->first) = name;
    dir->last = name;
    dir->n_names++;
    dir->changed = true;
}

int ext_name_add(struct ext_writer *w, struct ext_dir *dir, const char *text, uint32_t ino,
                 unsigned type, struct err *e)
{
    size_t len = strlen(text);
    struct ext_name *name, **to;

    if (w->n_names >= w->n_buckets && grow(w, e) < 0)
        return -1;
    name = calloc(1, sizeof(*name) + len + 1);
    if (name == NULL)
        return err_no_memory(e);
    name->ino = ino;
    name->type = (uint8_t)type;
    name->len = (uint8_t)len;
    memcpy(name->text, text, len);
    append(dir, name);
    to = bucket(w, dir, text, len);
    name->next_in_bucket = *to;
    *to = name;
    w->n_names++;
    ext_inode_get(w, ino)->raw.inode.i_links_count++;
    if (type == EXT2_FT_DIR) {
        ext_inode_get(w, ino)->dir->name = name;
        dir->n_subdirs++;
    }
    return 0;
}

static void unlink_name(struct ext_writer *w, struct ext_name *name)
{
    struct ext_dir *dir = name->dir;
    struct ext_name **at = bucket(w, dir, name->text, name->len);

    while (*at != name)
        at = &(*at)->next_in_bucket;
    *at = name->next_in_bucket;
    *(name->before != NULL ? &name->before->after : &dir->first) = name->after;
    *(name->after != NULL ? &name->after->before : &dir->last) = name->before;
    dir->n_names--;
    dir->n_subdirs -= name->type == EXT2_FT_DIR;
    dir->changed = true;
    w->n_names--;
}

void ext_name_remove(struct ext_writer *w, struct ext_name *name)
{
    struct ext_inode *inode = ext_inode_get(w, name->ino);

    unlink_name(w, name);
    if (inode->dir != NULL || --inode->raw.inode.i_links_count == 0)
        ext_inode_release(w, name->ino);
    free(name);
}

static struct ext_dir *resolve(struct ext_writer *w, struct ext_dir *dir, const char *target,
                               int *links)
{
    if (++*links > MAX_LINKS)
        return NULL;
    if (*target == '/')
        dir = ext_root(w);
    while (dir != NULL && *target != '\0') {
        size_t len = strcspn(target, "/");
        struct ext_name *name;

        if (len == 2 && memcmp(target, "..", 2) == 0) {
            dir = dir->parent;
        } else if (len > 0 && !(len == 1 && *target == '.')) {
            struct ext_inode *inode;

            name = ext_name_find(w, dir, target, len);
            if (name == NULL)
                return NULL;
            inode = ext_inode_get(w, name->ino);
            dir = inode->link != NULL ? resolve(w, dir, inode->link, links) : inode->dir;
        }
        target += len + (target[len] == '/');
    }
    return dir;
}

struct ext_dir *ext_dir_resolve(struct ext_writer *w, struct ext_dir *dir, const char *target)
{
    int links = 0;

    return resolve(w, dir, target, &links);
}

char *ext_dir_path(const struct ext_dir *dir, char *buf, size_t len)
{
    size_t at = len - 1;

    buf[at] = '\0';
    if (dir->name == NULL && at > 0)
        buf[--at] = '/';
    for (; dir->name != NULL && at > dir->name->len; dir = dir->parent) {
        at -= dir->name->len;
        memcpy(buf + at, dir->name->text, dir->name->len);
        if (dir->parent->name != NULL && at > 0)
            buf[--at] = '/';
    }
    memmove(buf, buf + at, len - at);
    return buf;
}

void ext_names_free(struct ext_writer *w)
{
    for (size_t i = 0; i < w->n_buckets; i++)
        for (struct ext_name *name = w->buckets[i], *next; name != NULL; name = next) {
            next = name->next_in_bucket;
            free(name);
        }
    free(w->buckets);
}
