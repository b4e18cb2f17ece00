// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat.c: a FAT12, FAT16 or FAT32 filesystem on a device as a tree: stat, list, read, and overwrite.
 *
 * overwrite writes only inside the clusters a file has, up to its size: the FAT, the folders, times
 * and sizes stay byte for byte, so that there is nothing a power cut could leave half done but the
 * written bytes themselves.
 */
#include "core/cleanup.h"
#include "tree/fat_volume.h"
#include "tree/tree.h"

#include <stdlib.h>

struct fat_tree {
    struct tree tree;
    struct fat_volume volume;
};

static struct fat_volume *volume_of(struct tree *tree)
{
    return &((struct fat_tree *)tree)->volume;
}

static enum tree_type node_type(const struct fat_node *node)
{
    return node->folder ? TREE_DIR : TREE_FILE;
}

static int fat_stat(struct tree *tree, const char *path, struct tree_entry *entry, struct err *e)
{
    struct fat_node node;

    if (fat_find(volume_of(tree), path, &node, e) < 0)
        return -1;
    *entry = (struct tree_entry){.path = path,
                                 .type = node_type(&node),
                                 .mode = node.folder ? 0755 : 0644,
                                 .mtime = node.mtime,
                                 .size = node.bytes};
    return 0;
}

struct listing {
    int (*each)(void *arg, const char *name, enum tree_type type);
    void *arg;
};

static int list_one(void *arg, const struct fat_node *node, struct err *e)
{
    const struct listing *listing = arg;

    (void)e;
    return listing->each(listing->arg, node->name, node_type(node));
}

static int fat_list(struct tree *tree, const char *path,
                    int (*each)(void *arg, const char *name, enum tree_type type), void *arg,
                    struct err *e)
{
    struct fat_volume *v = volume_of(tree);
    struct listing listing = {each, arg};
    struct fat_node node;

    if (fat_find(v, path, &node, e) < 0)
        return -1;
    if (!node.folder)
        return err_set(e, ERR_FAILED, "%s: %s is not a folder", v->bd->name, path);
    return fat_folder_each(v, &node, list_one, &listing, e);
}

/* The device ranges of n bytes at offset of a file, in order; the caller frees *parts. */
static int file_parts(struct fat_volume *v, const struct fat_node *node, uint64_t offset, size_t n,
                      struct extent **parts, size_t *n_parts, struct err *e)
{
    uint64_t skip = offset;
    size_t kept = 0;

    if (fat_volume_chain(v, node->cluster, offset + n, false, parts, n_parts, e) < 0)
        return -1;
    for (size_t i = 0; i < *n_parts; i++) {
        struct extent part = (*parts)[i];

        if (skip >= part.bytes) {
            skip -= part.bytes;
            continue;
        }
        part.start += skip;
        part.bytes -= skip;
        skip = 0;
        (*parts)[kept++] = part;
    }
    *n_parts = kept;
    return 0;
}

static int find_file(struct fat_volume *v, const char *path, struct fat_node *node, struct err *e)
{
    if (fat_find(v, path, node, e) < 0)
        return -1;
    if (node->folder)
        return err_set(e, ERR_FAILED, "%s: %s is a folder", v->bd->name, path);
    return 0;
}

static int fat_read(struct tree *tree, const char *path, void *buf, size_t n, uint64_t offset,
                    size_t *got, struct err *e)
{
    struct fat_volume *v = volume_of(tree);
    _cleanup_free_ struct extent *parts = NULL;
    struct fat_node node;
    size_t n_parts, done = 0;

    if (find_file(v, path, &node, e) < 0)
        return -1;
    if (offset >= node.bytes)
        n = 0;
    else if (n > node.bytes - offset)
        n = (size_t)(node.bytes - offset);
    *got = n;
    if (n == 0)
        return 0;
    if (file_parts(v, &node, offset, n, &parts, &n_parts, e) < 0)
        return err_wrap(e, "%s", path);
    for (size_t i = 0; i < n_parts; i++) {
        if (blockdev_pread(v->bd, (char *)buf + done, parts[i].bytes, parts[i].start, e) < 0)
            return -1;
        done += parts[i].bytes;
    }
    return 0;
}

static int fat_overwrite(struct tree *tree, const char *path, uint64_t offset, const void *buf,
                         size_t n, struct err *e)
{
    struct fat_volume *v = volume_of(tree);
    _cleanup_free_ struct extent *parts = NULL;
    struct fat_node node;
    size_t n_parts, done = 0;

    if (find_file(v, path, &node, e) < 0)
        return -1;
    if (offset > node.bytes || n > node.bytes - offset)
        return err_set(e, ERR_NO_SPACE, "%s: %s has only %llu bytes", v->bd->name, path,
                       (unsigned long long)node.bytes);
    if (n == 0)
        return 0;
    if (file_parts(v, &node, offset, n, &parts, &n_parts, e) < 0)
        return err_wrap(e, "%s", path);
    for (size_t i = 0; i < n_parts; i++) {
        if (blockdev_pwrite(v->bd, (const char *)buf + done, parts[i].bytes, parts[i].start, e) < 0)
            return -1;
        done += parts[i].bytes;
    }
    return 0;
}

static int fat_sync(struct tree *tree, struct err *e)
{
    return blockdev_flush(volume_of(tree)->bd, e);
}

static void fat_close(struct tree *tree)
{
    free(tree);
}

static const struct tree_ops fat_ops = {
    .kind = "FAT",
    .stat = fat_stat,
    .list = fat_list,
    .read = fat_read,
    .overwrite = fat_overwrite,
    .sync = fat_sync,
    .close = fat_close,
};

struct tree *fat_tree_open(struct blockdev *bd, struct err *e)
{
    struct fat_tree *fat = calloc(1, sizeof(*fat));

    if (fat == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (fat_volume_open(&fat->volume, bd, e) < 0) {
        free(fat);
        return NULL;
    }
    fat->tree.ops = &fat_ops;
    return &fat->tree;
}
