// SPDX-License-Identifier: GPL-3.0-or-later
/* fat_layout.c: which FAT a size gets, and where its parts lie. */
#include "fs/fat_layout.h"
#include "core/size.h"

#include <endian.h>

#define ROOT_ENTRIES   512 /* what everyone makes */
#define RESERVED       32  /* on FAT32: boot code, FSInfo, and their copies lie in these sectors */
#define CLUSTERS_LIMIT 0x0ffffff0U

/* Drivers count a little differently: near the limits, nothing is made (specification, "FAT Type
 * Determination"). */
static const struct kind {
    unsigned bits;
    uint32_t least, most; /* clusters */
} kinds[] = {
    {12, 1, FAT12_CLUSTERS - 17},
    {16, FAT12_CLUSTERS + 16, FAT16_CLUSTERS - 17},
    {32, FAT16_CLUSTERS + 16, CLUSTERS_LIMIT},
};

#define FAT32 (&kinds[2])

void fat_layout_read(const struct fat_volume *volume, const struct fat_boot *boot,
                     struct fat_layout *layout)
{
    uint32_t sector = le16toh(boot->sector_bytes);

    *layout = (struct fat_layout){
        .bits = volume->bits,
        .sector = sector,
        .cluster = volume->cluster,
        .fats = boot->fats,
        .reserved = le16toh(boot->reserved_sectors),
        .fat_sectors = (uint32_t)(volume->fat.bytes / sector),
        .root_entries = volume->bits != 32 ? le16toh(boot->root_entries) : 0,
        .sectors = boot->sectors16 != 0 ? le16toh(boot->sectors16) : le32toh(boot->sectors32),
        .clusters = volume->clusters,
        .data = volume->data,
    };
}

uint64_t fat_layout_cluster_at(const struct fat_layout *layout, uint32_t cluster)
{
    return layout->data + (uint64_t)(cluster - 2) * layout->cluster;
}

static uint64_t root_bytes(const struct fat_layout *l)
{
    return round_up((uint64_t)l->root_entries * FAT_ENTRY_BYTES, l->sector);
}

/* What has to be in front of the data. */
static uint64_t bytes_in_front(const struct fat_layout *l)
{
    return ((uint64_t)l->reserved + (uint64_t)l->fats * l->fat_sectors) * l->sector + root_bytes(l);
}

static uint64_t entry_bytes(const struct fat_layout *l, uint64_t clusters)
{
    return ((clusters + 2) * l->bits + 7) / 8;
}

/* Its fields up to the reserved sectors. Those that an earlier change left over are given back. */
static struct fat_layout of_kind(const struct fat_layout *from, const struct kind *kind,
                                 uint64_t bytes, uint32_t root_entries)
{
    struct fat_layout to = *from;

    to.bits = kind->bits;
    to.sectors = (uint32_t)(bytes / from->sector);
    to.fat_sectors = to.clusters = 0;
    if (kind->bits == 32)
        to.root_entries = 0;
    else if (from->bits == 32)
        to.root_entries = root_entries > ROOT_ENTRIES ? root_entries : ROOT_ENTRIES;
    if (from->reserved > RESERVED || (kind->bits == 32 && from->bits != 32))
        to.reserved = RESERVED;
    return to;
}

/* How many clusters there are with FATs for them; at most one less than will be. */
static uint64_t clusters_of(const struct fat_layout *l)
{
    uint64_t bytes = (uint64_t)l->sectors * l->sector, front = bytes_in_front(l);
    uint64_t each = 8 * (uint64_t)l->cluster + (uint64_t)l->fats * l->bits;

    return bytes > front ? (bytes - front) / each * 8 + (bytes - front) % each * 8 / each : 0;
}

static uint64_t clusters_with(const struct fat_layout *from, const struct kind *kind,
                              uint64_t bytes, uint32_t root_entries)
{
    struct fat_layout to = of_kind(from, kind, bytes, root_entries);

    return clusters_of(&to);
}

/* Drivers take it for what its boot sector says. */
static bool is_small_fat32(const struct fat_layout *l)
{
    return l->bits == 32 && l->clusters < FAT16_CLUSTERS;
}

static const struct kind *kind_for(const struct fat_layout *from, uint64_t bytes,
                                   uint32_t root_entries)
{
    const struct kind *kind = kinds;

    if (is_small_fat32(from))
        return FAT32;
    while (kind != FAT32 && clusters_with(from, kind, bytes, root_entries) > kind->most &&
           clusters_with(from, kind + 1, bytes, root_entries) >= kind[1].least)
        kind++;
    return kind;
}

/* The first place for data behind what has to be in front of it, whole clusters from where it is.
 */
static void place_data(const struct fat_layout *from, const struct kind *kind,
                       struct fat_layout *to)
{
    uint64_t front = bytes_in_front(to), end = (uint64_t)to->sectors * to->sector;
    uint64_t clusters;

    to->data = front <= from->data ? from->data - round_down(from->data - front, to->cluster)
                                   : from->data + round_up(front - from->data, to->cluster);
    clusters = end > to->data ? (end - to->data) / to->cluster : 0;
    if (clusters > kind->most) {
        to->data += (clusters - kind->most) * to->cluster;
        clusters = kind->most;
    }
    to->clusters = (uint32_t)clusters;
    to->reserved += (uint32_t)((to->data - front) / to->sector);
    to->shift = ((int64_t)to->data - (int64_t)from->data) / (int64_t)to->cluster;
}

/* True when all can stay where it is but the end: the FAT is long enough, and not far too long. */
static bool keep_data(const struct fat_layout *from, const struct kind *kind, uint64_t bytes,
                      struct fat_layout *to)
{
    uint64_t clusters = bytes > from->data ? (bytes - from->data) / from->cluster : 0;
    uint64_t needed = (entry_bytes(from, clusters) + from->sector - 1) / from->sector;

    *to = *from;
    to->sectors = (uint32_t)(bytes / from->sector);
    to->clusters = (uint32_t)clusters;
    return kind->bits == from->bits && (clusters >= kind->least || is_small_fat32(from)) &&
           clusters <= kind->most && needed <= from->fat_sectors && from->fat_sectors <= 2 * needed;
}

uint64_t fat_layout_most(const struct fat_layout *layout)
{
    uint64_t bytes = (uint64_t)CLUSTERS_LIMIT * (layout->cluster + 4 * layout->fats);
    uint64_t sectors = (uint64_t)UINT32_MAX * layout->sector;

    return bytes < sectors ? round_down(bytes, layout->sector) : sectors;
}

int fat_layout_for(const struct fat_layout *from, uint64_t bytes, uint32_t root_entries,
                   struct fat_layout *to, struct err *e)
{
    const struct kind *kind;

    if (bytes / from->sector > UINT32_MAX)
        return err_set(e, ERR_NO_SPACE, "%llu bytes are more sectors than a FAT can have",
                       (unsigned long long)bytes);
    kind = kind_for(from, bytes, root_entries);
    if (!keep_data(from, kind, bytes, to)) {
        *to = of_kind(from, kind, bytes, root_entries);
        to->fat_sectors =
            (uint32_t)((entry_bytes(to, clusters_of(to) + 1) + to->sector - 1) / to->sector);
        place_data(from, kind, to);
    }
    if (to->clusters > 0 && to->reserved <= UINT16_MAX)
        return 0;
    return err_set(e, ERR_NO_SPACE, "%llu bytes are too few for a FAT filesystem",
                   (unsigned long long)bytes);
}
