// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_folders.c: the numbers of clusters in folders. The folders are walked without recursion, and
 * none of their clusters twice, however they are linked: a sound filesystem has not more than all.
 */
#include "core/cleanup.h"
#include "fs/fat_change.h"

#include <endian.h>
#include <string.h>

struct walk {
    struct fat_change *change;
    uint32_t *folders; /* where those begin that are still to be looked at: old numbers */
    size_t n, room;
    uint32_t clusters; /* how many were looked at */
};

static int add_folder(struct walk *w, uint32_t cluster, struct err *e)
{
    if (w->n == w->room) {
        size_t room = w->room * 2 + 64;
        uint32_t *folders = reallocarray(w->folders, room, sizeof(*folders));

        if (folders == NULL)
            return err_no_memory(e);
        w->folders = folders;
        w->room = room;
    }
    w->folders[w->n++] = cluster;
    return 0;
}

/* What FAT12 and FAT16 have for the upper half of a number is not part of it. */
static uint32_t cluster_of(const struct fat_change *c, const struct fat_entry *entry)
{
    uint32_t high = c->from.bits == 32 ? le16toh(entry->cluster_high) : 0U;

    return (high << 16 | le16toh(entry->cluster_low)) & FAT32_MASK;
}

static void set_cluster(const struct fat_change *c, struct fat_entry *entry, uint32_t cluster)
{
    entry->cluster_low = htole16((uint16_t)cluster);
    if (c->from.bits == 32 || c->to.bits == 32)
        entry->cluster_high = htole16((uint16_t)(cluster >> 16));
}

/* ".." of a folder in the root folder may name it on FAT32; it has no number on the others. */
static int renumber(struct walk *w, struct fat_entry *entry, struct err *e)
{
    const struct fat_change *c = w->change;
    uint32_t cluster = cluster_of(c, entry);
    bool folder = (entry->attributes & FAT_ATTRIBUTE_FOLDER) != 0;

    if (cluster == 0 || cluster == c->root_cluster) {
        set_cluster(c, entry, cluster == 0 || c->to.bits != 32 ? 0 : c->new_root);
        return 0;
    }
    if (!fat_layout_has(&c->from, cluster) || c->old[cluster] == 0 ||
        c->old[cluster] == FAT_CLUSTER_BAD)
        return err_set(e, ERR_VERIFY, "%s: a folder has a file at cluster %u, which is none",
                       c->bd->name, cluster);
    set_cluster(c, entry, fat_change_place(c, cluster));
    return folder && entry->name[0] != '.' ? add_folder(w, cluster, e) : 0;
}

/* *end: whether the folder ends in these bytes. */
static int renumber_all(struct walk *w, uint8_t *entries, size_t bytes, bool *end, struct err *e)
{
    *end = false;
    for (size_t at = 0; at + FAT_ENTRY_BYTES <= bytes && !*end; at += FAT_ENTRY_BYTES) {
        struct fat_entry entry;

        memcpy(&entry, entries + at, sizeof(entry));
        *end = entry.name[0] == FAT_NAME_END;
        if (*end || entry.name[0] == FAT_NAME_DELETED ||
            (entry.attributes & FAT_ATTRIBUTE_LABEL) != 0) /* pieces of long names, too */
            continue;
        if (renumber(w, &entry, e) < 0)
            return -1;
        memcpy(entries + at, &entry, sizeof(entry));
    }
    return 0;
}

static int walk_folder(struct walk *w, uint32_t cluster, uint8_t *buf, struct err *e)
{
    struct fat_change *c = w->change;
    bool end = false;

    while (cluster != FAT_CLUSTER_END && !end) {
        uint64_t at;

        if (cluster < 2 || cluster == FAT_CLUSTER_BAD || w->clusters++ == c->from.clusters)
            return err_set(e, ERR_VERIFY, "%s: a folder's clusters are not sound", c->bd->name);
        at = fat_layout_cluster_at(&c->to, fat_change_place(c, cluster));
        if (blockdev_pread(c->bd, buf, c->from.cluster, at, e) < 0 ||
            renumber_all(w, buf, c->from.cluster, &end, e) < 0 ||
            blockdev_pwrite(c->bd, buf, c->from.cluster, at, e) < 0)
            return -1;
        cluster = c->old[cluster];
    }
    return 0;
}

static int walk_all(struct walk *w, struct err *e)
{
    struct fat_change *c = w->change;
    _cleanup_free_ uint8_t *buf = malloc(c->from.cluster);
    bool end;

    if (buf == NULL)
        return err_no_memory(e);
    if (c->root != NULL) {
        if (renumber_all(w, c->root, c->root_bytes, &end, e) < 0)
            return -1;
    } else if (add_folder(w, c->root_cluster, e) < 0) {
        return -1;
    }
    while (w->n > 0)
        if (walk_folder(w, w->folders[--w->n], buf, e) < 0)
            return -1;
    return 0;
}

int fat_change_folders(struct fat_change *change, struct err *e)
{
    struct walk walk = {.change = change};
    int result = walk_all(&walk, e);

    free(walk.folders);
    return result;
}
