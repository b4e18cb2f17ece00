// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_volume.c: the boot sector and the chains of clusters of a FAT filesystem.
 *
 * Nothing from the disk becomes an offset before it was compared with the size of the device. A
 * chain that loops ends at the number of clusters its owner's size allows.
 */
#include "tree/fat_volume.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "tree/fat_disk.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_NO_MIRROR      0x80
#define SECTOR_BYTES_MAX    4096
#define CLUSTER_SECTORS_MAX 128

static bool is_power_of_two(unsigned n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static int not_fat(struct fat_volume *v, const char *why, struct err *e)
{
    return err_set(e, ERR_VERIFY, "%s: not a FAT filesystem (%s)", v->bd->name, why);
}

static int check_boot_sector(struct fat_volume *v, const struct fat_boot *b, struct err *e)
{
    unsigned sector = le16toh(b->sector_bytes);

    if (b->signature[0] != 0x55 || b->signature[1] != 0xaa)
        return not_fat(v, "no boot signature", e);
    if (!is_power_of_two(sector) || sector < 512 || sector > SECTOR_BYTES_MAX)
        return not_fat(v, "its sector size", e);
    if (!is_power_of_two(b->cluster_sectors) || b->cluster_sectors > CLUSTER_SECTORS_MAX)
        return not_fat(v, "its cluster size", e);
    if (le16toh(b->reserved_sectors) == 0 || b->fats == 0 || b->fats > 4)
        return not_fat(v, "its number of FATs", e);
    return 0;
}

/* Which copy of the FAT counts. */
static unsigned active_fat(const struct fat_boot *b)
{
    unsigned flags = le16toh(b->fat32.flags);

    return b->fat_sectors16 == 0 && (flags & FLAG_NO_MIRROR) != 0 ? flags & 0xf : 0;
}

static unsigned bits_for(const struct fat_boot *b, uint64_t clusters)
{
    if (b->fat_sectors16 == 0)
        return 32;
    return clusters < FAT12_CLUSTERS ? 12 : 16;
}

static int check_clusters(struct fat_volume *v, uint64_t clusters, struct err *e)
{
    if (clusters == 0 || clusters >= FAT32_CLUSTERS)
        return not_fat(v, "its number of clusters", e);
    if (v->bits != 32 && clusters >= FAT16_CLUSTERS)
        return not_fat(v, "too many clusters for FAT16", e);
    if (v->fat.bytes * 8 / v->bits < clusters + 2)
        return not_fat(v, "its FAT is too short", e);
    v->clusters = (uint32_t)clusters;
    if (v->bits == 32 && (v->root_cluster < 2 || v->root_cluster - 2 >= v->clusters))
        return not_fat(v, "its root folder", e);
    return 0;
}

/* All of this stays far below 2^64: 32-bit counts of sectors of at most 4 KiB. */
static int lay_out(struct fat_volume *v, const struct fat_boot *b, struct err *e)
{
    uint64_t sector = le16toh(b->sector_bytes);
    uint64_t total = sector * (b->sectors16 != 0 ? le16toh(b->sectors16) : le32toh(b->sectors32));
    uint64_t fat = sector * (b->fat_sectors16 != 0 ? le16toh(b->fat_sectors16)
                                                   : le32toh(b->fat32.fat_sectors));
    uint64_t first_fat = sector * le16toh(b->reserved_sectors);
    uint64_t clusters;

    if (active_fat(b) >= b->fats)
        return not_fat(v, "it uses a FAT that it has not", e);
    v->cluster = (uint32_t)sector * b->cluster_sectors;
    v->fat = (struct extent){first_fat + active_fat(b) * fat, fat};
    v->root = (struct extent){first_fat + b->fats * fat,
                              (uint64_t)le16toh(b->root_entries) * FAT_ENTRY_BYTES};
    v->root_cluster = le32toh(b->fat32.root_cluster) & FAT32_MASK;
    v->data = extent_end(&v->root) + (sector - v->root.bytes % sector) % sector;
    if (total > v->bd->bytes)
        return not_fat(v, "it is larger than its partition", e);
    if (v->data >= total)
        return not_fat(v, "it has no room for data", e);
    clusters = (total - v->data) / v->cluster;
    v->bits = bits_for(b, clusters);
    return check_clusters(v, clusters, e);
}

int fat_volume_open(struct fat_volume *v, struct blockdev *bd, struct err *e)
{
    struct fat_boot boot;

    memset(v, 0, sizeof(*v));
    v->bd = bd;
    v->window_start = UINT64_MAX;
    if (bd->bytes < sizeof(boot))
        return not_fat(v, "too small", e);
    if (blockdev_pread(bd, &boot, sizeof(boot), 0, e) < 0)
        return -1;
    if (check_boot_sector(v, &boot, e) < 0)
        return -1;
    return lay_out(v, &boot, e);
}

/* One byte of the FAT; FAT12's entries straddle everything, so bytes are the common measure. */
static int fat_byte(struct fat_volume *v, uint64_t at, uint8_t *byte, struct err *e)
{
    uint64_t start = round_down(at, FAT_WINDOW);

    if (start != v->window_start) {
        uint64_t left = v->fat.bytes - start;
        size_t n = left < FAT_WINDOW ? (size_t)left : FAT_WINDOW;

        v->window_start = UINT64_MAX;
        if (blockdev_pread(v->bd, v->window, n, v->fat.start + start, e) < 0)
            return -1;
        v->window_start = start;
    }
    *byte = v->window[at - start];
    return 0;
}

/* The FAT's entry of a cluster that the volume has. */
static int fat_entry(struct fat_volume *v, uint32_t cluster, uint32_t *entry, struct err *e)
{
    uint64_t at = (uint64_t)cluster * v->bits / 8;
    unsigned n = v->bits == 32 ? 4 : 2;
    uint32_t value = 0;

    for (unsigned i = 0; i < n; i++) {
        uint8_t byte;

        if (fat_byte(v, at + i, &byte, e) < 0)
            return -1;
        value |= (uint32_t)byte << (8 * i);
    }
    if (v->bits == 12)
        value = (cluster & 1) != 0 ? value >> 4 : value & 0xfff;
    *entry = value & FAT32_MASK;
    return 0;
}

static bool is_end(const struct fat_volume *v, uint32_t entry)
{
    uint32_t all = v->bits == 32 ? FAT32_MASK : (1U << v->bits) - 1;

    return entry >= all - 7; /* ...f8 to ...ff */
}

struct extent_list {
    struct extent *items;
    size_t n, room;
};

static int append(struct extent_list *list, struct extent more, struct err *e)
{
    struct extent *last = list->n > 0 ? &list->items[list->n - 1] : NULL;

    if (last != NULL && extent_end(last) == more.start) {
        last->bytes += more.bytes;
        return 0;
    }
    if (list->n == list->room) {
        size_t room = list->room * 2 + 8;
        struct extent *items = reallocarray(list->items, room, sizeof(*items));

        if (items == NULL)
            return err_no_memory(e);
        list->items = items;
        list->room = room;
    }
    list->items[list->n++] = more;
    return 0;
}

static int walk_chain(struct fat_volume *v, uint32_t cluster, uint64_t bytes, bool whole,
                      struct extent_list *list, struct err *e)
{
    /* A sound chain has at most every cluster once, so that this many steps end any loop. */
    for (uint32_t steps = 0; bytes > 0 && steps < v->clusters; steps++) {
        uint64_t n = bytes < v->cluster ? bytes : v->cluster;

        if (cluster < 2 || cluster - 2 >= v->clusters)
            return err_set(e, ERR_VERIFY, "%s: a chain of clusters leads outside the filesystem",
                           v->bd->name);
        if (append(list, (struct extent){v->data + (uint64_t)(cluster - 2) * v->cluster, n}, e) < 0)
            return -1;
        bytes -= n;
        if (bytes > 0 && fat_entry(v, cluster, &cluster, e) < 0)
            return -1;
        if (bytes > 0 && is_end(v, cluster) && whole)
            return 0;
    }
    if (bytes > 0)
        return err_set(e, ERR_VERIFY, "%s: a chain of clusters loops", v->bd->name);
    return 0;
}

int fat_volume_chain(struct fat_volume *v, uint32_t first, uint64_t bytes, bool whole,
                     struct extent **extents, size_t *n, struct err *e)
{
    struct extent_list list = {0};

    if (walk_chain(v, first, bytes, whole, &list, e) < 0) {
        free(list.items);
        return -1;
    }
    *extents = list.items;
    *n = list.n;
    return 0;
}
