// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_resize.c: changes the size of a FAT filesystem (Microsoft FAT32 File System
 * Specification 1.03).
 *
 * Nearly all clusters stay where they are on the disk. What lies in front of them takes another
 * size: then they have other numbers, so that the FAT and the folders are written anew, and
 * clusters where the longer FAT goes, or behind the new end, are copied to free ones. A number of
 * clusters that asks for another width of entries makes FAT12 a FAT16, FAT16 a FAT32, and back.
 *
 * It works on an overlay: nothing here needs to be safe from power cuts. Clusters are copied only
 * to places that were free, and before anything else is written, so that nothing is overwritten
 * that is still to be read. The FAT and, but on FAT32, the root folder are read at first.
 */
#include "fs/fat_resize.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fat_change.h"

#include <endian.h>
#include <string.h>

#define SPARE_CLUSTERS 64 /* some air: for the distance from the limits of FAT12 and FAT16, too */

static void change_close(struct fat_change *c)
{
    free(c->old);
    free(c->new);
    free(c->moved);
    free(c->root);
}

#define _cleanup_change_ __attribute__((cleanup(change_close)))

/* ---- what is there ---- */

static int change_open(struct fat_change *c, struct blockdev *bd, struct err *e)
{
    _cleanup_free_ struct fat_volume *volume = malloc(sizeof(*volume));

    if (volume == NULL)
        return err_no_memory(e);
    if (fat_volume_open(volume, bd, e) < 0 ||
        blockdev_pread(bd, &c->boot, sizeof(c->boot), 0, e) < 0)
        return -1;
    c->bd = bd;
    fat_layout_read(volume, &c->boot, &c->from);
    c->root_cluster = c->from.bits == 32 ? volume->root_cluster : 0;
    c->old = fat_table_read(bd, &c->from, volume->fat.start, e);
    return c->old != NULL ? 0 : -1;
}

/* How many clusters the FAT32's root folder has. */
static int root_chain(const struct fat_change *c, uint32_t *n, struct err *e)
{
    *n = 0;
    for (uint32_t at = c->root_cluster; at != FAT_CLUSTER_END; at = c->old[at])
        if (at < 2 || at == FAT_CLUSTER_BAD || (*n)++ == c->from.clusters)
            return err_set(e, ERR_VERIFY, "%s: its root folder is not sound", c->bd->name);
    return 0;
}

static int read_root_chain(struct fat_change *c, struct err *e)
{
    uint8_t *to;
    uint32_t n;

    if (root_chain(c, &n, e) < 0)
        return -1;
    c->root_bytes = (size_t)n * c->from.cluster;
    c->root = to = calloc(1, c->root_bytes);
    if (c->root == NULL)
        return err_no_memory(e);
    for (uint32_t at = c->root_cluster; at != FAT_CLUSTER_END; at = c->old[at]) {
        if (blockdev_pread(c->bd, to, c->from.cluster, fat_layout_cluster_at(&c->from, at), e) < 0)
            return -1;
        to += c->from.cluster;
    }
    return 0;
}

static int read_root_range(struct fat_change *c, struct err *e)
{
    uint64_t start = ((uint64_t)c->from.reserved + (uint64_t)c->from.fats * c->from.fat_sectors) *
                     c->from.sector;

    c->root_bytes = (size_t)c->from.root_entries * FAT_ENTRY_BYTES;
    c->root = calloc(1, c->root_bytes + 1);
    if (c->root == NULL)
        return err_no_memory(e);
    return blockdev_pread(c->bd, c->root, c->root_bytes, start, e);
}

/* Without what follows its end. */
static int read_root(struct fat_change *c, struct err *e)
{
    size_t used = 0;

    if ((c->from.bits == 32 ? read_root_chain(c, e) : read_root_range(c, e)) < 0)
        return -1;
    while (used < c->root_bytes && c->root[used] != FAT_NAME_END)
        used += FAT_ENTRY_BYTES;
    c->root_bytes = used;
    return 0;
}

/* A root folder that was a chain and becomes a range takes no clusters any more. */
static void free_root_chain(struct fat_change *c)
{
    for (uint32_t at = c->root_cluster, next; at != FAT_CLUSTER_END; at = next) {
        next = c->old[at];
        c->old[at] = 0;
    }
}

/* The layout, and the root folder where it does not lie among the clusters before and after. */
static int plan_layout(struct fat_change *c, uint64_t bytes, struct err *e)
{
    uint32_t each = c->from.sector / FAT_ENTRY_BYTES, entries;

    if (read_root(c, e) < 0)
        return -1;
    entries = (uint32_t)round_up(c->root_bytes / FAT_ENTRY_BYTES, each);
    if (fat_layout_for(&c->from, bytes, entries, &c->to, e) < 0)
        return err_wrap(e, "%s", c->bd->name);
    if (c->to.root_entries > UINT16_MAX)
        return err_set(e, ERR_NO_SPACE, "%s: its root folder is too full for so small a FAT",
                       c->bd->name);
    if (c->from.bits == 32 && c->to.bits == 32) {
        free(c->root);
        c->root = NULL;
    } else if (c->from.bits == 32) {
        free_root_chain(c);
    }
    return 0;
}

/* ---- where every cluster goes ---- */

static bool is_used(const struct fat_change *c, uint32_t cluster)
{
    return c->old[cluster] != 0 && c->old[cluster] != FAT_CLUSTER_BAD;
}

struct finder {
    struct fat_change *change;
    uint32_t next;
};

/* A cluster that held nothing before, and holds nothing yet. */
static int find_free(struct finder *f, uint32_t *found, struct err *e)
{
    struct fat_change *c = f->change;

    for (; fat_layout_has(&c->to, f->next); f->next++)
        if (c->new[f->next] == 0) {
            c->new[f->next] = FAT_CLUSTER_END;
            *found = f->next++;
            return 0;
        }
    return err_set(e, ERR_NO_SPACE, "%s: what it holds does not fit into %llu bytes", c->bd->name,
                   (unsigned long long)c->to.sectors * c->to.sector);
}

static int64_t between(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static int place_moved(struct fat_change *c, struct finder *f, struct err *e)
{
    int64_t end = (int64_t)c->from.clusters + 2;

    c->n_front = (uint32_t)between(c->to.shift, 0, c->from.clusters);
    c->behind = (uint32_t)between(c->to.shift + c->to.clusters + 2, c->n_front + 2, end);
    c->n_moved = c->n_front + ((uint32_t)end - c->behind);
    c->moved = calloc((size_t)c->n_moved + 1, sizeof(*c->moved));
    if (c->moved == NULL)
        return err_no_memory(e);
    for (uint32_t i = 0; i < c->n_moved; i++)
        if (is_used(c, fat_change_moved(c, i)) && find_free(f, &c->moved[i], e) < 0)
            return -1;
    return 0;
}

/* A root folder that was a range becomes a chain. */
static int place_root(struct fat_change *c, struct finder *f, struct err *e)
{
    uint32_t last = 0, cluster;

    if (c->to.bits != 32)
        return 0;
    if (c->from.bits == 32) {
        c->new_root = fat_change_place(c, c->root_cluster);
        return 0;
    }
    for (size_t done = 0; done == 0 || done < c->root_bytes; done += c->to.cluster) {
        if (find_free(f, &cluster, e) < 0)
            return -1;
        if (last == 0)
            c->new_root = cluster;
        else
            c->new[last] = cluster;
        last = cluster;
    }
    return 0;
}

static int link_chains(struct fat_change *c, struct err *e)
{
    for (uint32_t n = 2; n < c->from.clusters + 2; n++) {
        uint32_t next = c->old[n];

        if (!is_used(c, n))
            continue;
        if (next != FAT_CLUSTER_END && !is_used(c, next))
            return err_set(e, ERR_VERIFY, "%s: cluster %u leads to one that is free", c->bd->name,
                           n);
        c->new[fat_change_place(c, n)] =
            next == FAT_CLUSTER_END ? FAT_CLUSTER_END : fat_change_place(c, next);
    }
    return 0;
}

/* The new FAT. What is bad stays so where it is. */
static int place_all(struct fat_change *c, struct err *e)
{
    struct finder finder = {c, 2};

    c->new = calloc((size_t)c->to.clusters + 2, sizeof(*c->new));
    if (c->new == NULL)
        return err_no_memory(e);
    for (uint32_t n = 2; n < c->from.clusters + 2; n++)
        if (fat_layout_has(&c->to, (int64_t)n - c->to.shift))
            c->new[(int64_t)n - c->to.shift] = c->old[n];
    return place_moved(c, &finder, e) < 0 || place_root(c, &finder, e) < 0 ? -1 : link_chains(c, e);
}

/* ---- writing ---- */

static int copy_moved(struct fat_change *c, struct err *e)
{
    _cleanup_free_ void *buf = malloc(c->from.cluster);

    if (buf == NULL)
        return err_no_memory(e);
    for (uint32_t i = 0; i < c->n_moved; i++) {
        uint64_t from = fat_layout_cluster_at(&c->from, fat_change_moved(c, i));

        if (c->moved[i] != 0 &&
            (blockdev_pread(c->bd, buf, c->from.cluster, from, e) < 0 ||
             blockdev_pwrite(c->bd, buf, c->from.cluster,
                             fat_layout_cluster_at(&c->to, c->moved[i]), e) < 0))
            return -1;
    }
    return 0;
}

/* Zeros everything between the boot code and the data. */
static int clear_front(struct fat_change *c, struct err *e)
{
    uint32_t kept = c->from.reserved < c->to.reserved ? c->from.reserved : c->to.reserved;
    uint64_t start;

    if ((c->from.bits == 32) != (c->to.bits == 32))
        kept = 1; /* FSInfo and the copies are there on FAT32 only */
    start = (uint64_t)kept * c->to.sector;
    return blockdev_zero(c->bd, start, c->to.data - start, e);
}

static int write_root(struct fat_change *c, struct err *e)
{
    uint64_t bytes = round_up((uint64_t)c->to.root_entries * FAT_ENTRY_BYTES, c->to.sector);
    uint32_t cluster = c->new_root;

    if (c->root == NULL)
        return 0;
    if (c->to.bits != 32)
        return blockdev_pwrite(c->bd, c->root, c->root_bytes, c->to.data - bytes, e);
    for (size_t done = 0; cluster != FAT_CLUSTER_END; done += c->to.cluster) {
        uint64_t at = fat_layout_cluster_at(&c->to, cluster);
        size_t left = c->root_bytes - done;

        if (blockdev_zero(c->bd, at, c->to.cluster, e) < 0 ||
            blockdev_pwrite(c->bd, c->root + done, left < c->to.cluster ? left : c->to.cluster, at,
                            e) < 0)
            return -1;
        cluster = c->new[cluster];
    }
    return 0;
}

int fat_resize(struct blockdev *bd, uint64_t bytes, struct err *e)
{
    _cleanup_change_ struct fat_change c = {0};

    if (change_open(&c, bd, e) < 0 || plan_layout(&c, bytes, e) < 0 || place_all(&c, e) < 0 ||
        copy_moved(&c, e) < 0 || fat_change_folders(&c, e) < 0 || clear_front(&c, e) < 0 ||
        write_root(&c, e) < 0 || fat_table_write(bd, &c.to, c.new, c.boot.media, e) < 0)
        return -1;
    return fat_change_boot(&c, e);
}

/* ---- what is told of it ---- */

int fat_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e)
{
    _cleanup_change_ struct fat_change c = {0};
    uint64_t least;

    if (change_open(&c, bd, e) < 0)
        return -1;
    least =
        c.from.data + ((uint64_t)fat_table_used(&c.from, c.old) + SPARE_CLUSTERS) * c.from.cluster;
    bounds->now = (uint64_t)c.from.sectors * c.from.sector;
    bounds->least = least < bounds->now ? least : bounds->now;
    bounds->most = fat_layout_most(&c.from);
    bounds->unit = c.from.sector;
    return 0;
}

/* The largest power of two that both the clusters' size and their place are a multiple of. */
static uint64_t block_size(const struct fat_layout *l)
{
    uint64_t both = l->data | l->cluster;

    return both & -both;
}

static void mark_free(struct fs_free *f, uint64_t first, uint64_t blocks)
{
    for (uint64_t i = first; i < first + blocks; i++)
        f->bits[i / 8] |= (uint8_t)(1U << (i % 8));
}

int fat_free_blocks(struct blockdev *bd, struct fs_free *f, struct err *e)
{
    _cleanup_change_ struct fat_change c = {0};

    if (change_open(&c, bd, e) < 0)
        return -1;
    f->block = block_size(&c.from);
    f->blocks = ((uint64_t)c.from.sectors * c.from.sector + f->block - 1) / f->block;
    f->bits = calloc(1, f->blocks / 8 + 1);
    if (f->bits == NULL)
        return err_no_memory(e);
    for (uint32_t n = 2; n < c.from.clusters + 2; n++)
        if (c.old[n] == 0)
            mark_free(f, fat_layout_cluster_at(&c.from, n) / f->block, c.from.cluster / f->block);
    return 0;
}
