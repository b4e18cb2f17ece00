// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * mbr_write.c: brings a disk's MBR and its chain to what a table says.
 *
 * Each change is one of a series that is planned as a whole before the first write, and each of the
 * series is made by writing one sector that counts, after everything it points to. Usually there is
 * one: a record of the chain, or sector 0. Where both have to change, the chain first loses what is
 * to go, then sector 0 changes, then the chain gains what is new, so that every table in between is
 * whole and has all partitions that stay.
 */
#include "core/cleanup.h"
#include "partition/gpt.h"
#include "partition/mbr.h"

#include <endian.h>
#include <string.h>

#define CODE_LINK 0x05

struct mbr_writer {
    struct blockdev *bd;
    const struct table *table;
    struct extent *busy; /* what may still count while the chain is written */
    size_t n_busy;
    struct mbr_sector sector; /* the new sector 0's first 512 bytes */
    bool sector_changes;
    struct mbr_chain before; /* written first, with what stays only; n 0: not needed */
    struct mbr_chain after;  /* as it shall be */
};

/* One record of the chain; what is no part of the table stays in one that is changed in place. */
static int write_node(struct mbr_writer *w, const struct mbr_chain *chain, size_t i, struct err *e)
{
    const struct mbr_node *node = &chain->nodes[i];
    const struct mbr_node *next = i + 1 < chain->n ? node + 1 : NULL;
    unsigned sector = w->bd->sector;
    uint8_t bytes[GPT_SECTOR_MAX] = {0};
    struct mbr_sector *s = (struct mbr_sector *)bytes;
    struct extent link = {0, 0};

    if (node->state == NODE_CHANGED && blockdev_pread(w->bd, bytes, sector, node->at, e) < 0)
        return -1;
    if (next != NULL)
        link = (struct extent){next->at, extent_end(&next->data) - next->at};
    memset(s->records, 0, sizeof(s->records));
    mbr_encode(&s->records[0], node->data, node->at, node->code, node->active, sector);
    mbr_encode(&s->records[node->data.bytes > 0 ? 1 : 0], link, chain->extended.start, CODE_LINK,
               false, sector);
    s->signature[0] = 0x55;
    s->signature[1] = 0xaa;
    return blockdev_pwrite(w->bd, bytes, sector, node->at, e);
}

/* First what nothing points to, then the one that does. */
static int write_chain(struct mbr_writer *w, const struct mbr_chain *chain, struct err *e)
{
    for (int state = NODE_NEW; state <= NODE_CHANGED; state++) {
        bool wrote = false;

        for (size_t i = 0; i < chain->n; i++) {
            if ((int)chain->nodes[i].state != state)
                continue;
            if (write_node(w, chain, i, e) < 0)
                return -1;
            wrote = true;
        }
        if (wrote && blockdev_flush(w->bd, e) < 0)
            return -1;
    }
    return 0;
}

static int write_sector(struct mbr_writer *w, struct err *e)
{
    uint8_t bytes[GPT_SECTOR_MAX];

    if (blockdev_pread(w->bd, bytes, w->bd->sector, 0, e) < 0)
        return -1;
    memcpy(bytes, &w->sector, sizeof(w->sector));
    return blockdev_pwrite(w->bd, bytes, w->bd->sector, 0, e) < 0 ? -1 : blockdev_flush(w->bd, e);
}

/* ---- planning ---- */

static struct mbr_room room_of(const struct mbr_writer *w)
{
    return (struct mbr_room){.sector = w->bd->sector, .busy = w->busy, .n_busy = w->n_busy};
}

static int copy_chain(const struct mbr_chain *from, struct mbr_chain *to, struct err *e)
{
    *to = (struct mbr_chain){from->extended, calloc(from->n + 2, sizeof(*to->nodes)), from->n};
    if (to->nodes == NULL)
        return err_no_memory(e);
    if (from->n > 0)
        memcpy(to->nodes, from->nodes, from->n * sizeof(*to->nodes));
    return 0;
}

static bool same_range(struct extent a, struct extent b)
{
    return a.start == b.start && a.bytes == b.bytes;
}

static bool has_data(const struct mbr_chain *chain, struct extent data)
{
    for (size_t i = 0; i < chain->n; i++)
        if (same_range(chain->nodes[i].data, data))
            return true;
    return false;
}

static bool changes(const struct mbr_chain *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        if (chain->nodes[i].state != NODE_SAME)
            return true;
    return false;
}

/* The chain that is there, without the partitions that the new one does not have. */
static int plan_common(struct mbr_writer *w, const struct mbr_chain *there, struct err *e)
{
    struct mbr_room room = room_of(w);
    size_t n = 1;

    mbr_chain_clear(&w->before);
    if (copy_chain(there, &w->before, e) < 0)
        return -1;
    for (size_t i = 0; i < there->n; i++) {
        bool stays = there->nodes[i].data.bytes > 0 && has_data(&w->after, there->nodes[i].data);

        if (i == 0 && !stays)
            w->before.nodes[0] = (struct mbr_node){.at = there->nodes[0].at};
        else if (i > 0 && stays)
            w->before.nodes[n++] = there->nodes[i];
    }
    w->before.n = n;
    return mbr_chain_place(&w->before, there, &room, e);
}

/* The extended partition begins where it began: its first record is changed in place. */
static int plan_in_place(struct mbr_writer *w, const struct mbr_chain *there, struct err *e)
{
    struct mbr_room room = room_of(w);

    if (mbr_chain_place(&w->after, there, &room, e) < 0)
        return -1;
    if (!w->sector_changes || !changes(&w->after))
        return 0;
    if (plan_common(w, there, e) < 0)
        return -1;
    return mbr_chain_place(&w->after, &w->before, &room, e);
}

/* The extended partition begins elsewhere: a whole new chain, beside the old one. Where the old one
 * has a record at the new start, that one moves away first. */
static int plan_elsewhere(struct mbr_writer *w, const struct mbr_chain *there, struct err *e)
{
    struct mbr_room room = room_of(w);

    for (size_t i = 1; i < there->n; i++) {
        struct extent head = {w->after.extended.start, w->bd->sector};

        if (there->nodes[i].at != head.start || w->after.extended.bytes == 0)
            continue;
        room.avoid = head;
        if (copy_chain(there, &w->before, e) < 0 ||
            mbr_chain_place(&w->before, there, &room, e) < 0)
            return -1;
        room.avoid = (struct extent){0, 0};
        return mbr_chain_place(&w->after, &w->before, &room, e);
    }
    return mbr_chain_place(&w->after, there, &room, e);
}

/* The first record has the first partition, wherever that begins: other tools take one that has a
 * link only for damage. One that is so on the disk stays until that partition changes. */
static uint64_t first_record(const struct table_entry *entry, const struct mbr_chain *there)
{
    bool link_only = there->n > 1 && there->nodes[0].data.bytes == 0 &&
                     same_range(there->nodes[1].data, entry->range);

    return link_only ? there->nodes[1].at : 0;
}

/* Any other partition that is on the disk has its record where it is, whatever the table remembers,
 * unless that is the first one. */
static uint64_t other_record(const struct table_entry *entry, const struct mbr_chain *there)
{
    for (size_t k = 1; k < there->n; k++)
        if (same_range(entry->range, there->nodes[k].data))
            return there->nodes[k].at;
    return entry->ebr;
}

static int plan_chain(struct mbr_writer *w, const struct mbr_chain *there, struct err *e)
{
    _cleanup_table_ struct table *table = table_copy(w->table, e);

    if (table == NULL)
        return -1;
    for (size_t i = 0; i < table->n; i++) {
        struct table_entry *entry = &table->entries[i];

        entry->ebr =
            entry->number == MBR_FIRST ? first_record(entry, there) : other_record(entry, there);
        if (entry->number != MBR_FIRST && entry->ebr == table->extended.range.start)
            entry->ebr = 0; /* which is the first one's */
    }
    if (mbr_chain_make(table, &w->after, e) < 0)
        return -1;
    if (there->n > 0 && there->extended.start == w->after.extended.start)
        return plan_in_place(w, there, e);
    return plan_elsewhere(w, there, e);
}

static int write_in_order(struct mbr_writer *w, const struct mbr_chain *there, struct err *e)
{
    bool in_place = there->n > 0 && there->extended.start == w->after.extended.start;

    if (write_chain(w, &w->before, e) < 0)
        return -1;
    if (!in_place && write_chain(w, &w->after, e) < 0)
        return -1;
    if (w->sector_changes && write_sector(w, e) < 0)
        return -1;
    return in_place ? write_chain(w, &w->after, e) : 0;
}

/* Boot records may damage a GPT's first copy before sector 0 changes, but not both. */
static int find_busy(struct mbr_writer *w, const struct table *there, struct err *e)
{
    struct gpt_places places;
    struct err ignored;

    w->busy = calloc(there->n + 2, sizeof(*w->busy));
    if (w->busy == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < there->n; i++)
        w->busy[w->n_busy++] = there->entries[i].range;
    if (there->kind != TABLE_GPT || gpt_places(there, w->bd, &places, &ignored) < 0)
        return 0;
    w->busy[w->n_busy++] = places.backup;
    w->busy[w->n_busy++] = places.backup_entries;
    return 0;
}

int mbr_write(struct blockdev *bd, const struct table *table, const struct table *there,
              const struct mbr_chain *chain, struct err *e)
{
    struct mbr_writer w = {.bd = bd, .table = table};
    struct mbr_sector old;
    int result;

    if (blockdev_pread(bd, &old, sizeof(old), 0, e) < 0)
        return -1;
    w.sector = old;
    mbr_encode_sector(table, bd->sector, &w.sector);
    w.sector_changes = memcmp(&w.sector, &old, sizeof(old)) != 0;
    result = find_busy(&w, there, e);
    if (result == 0)
        result = plan_chain(&w, chain, e);
    if (result == 0)
        result = write_in_order(&w, chain, e);
    mbr_chain_clear(&w.before);
    mbr_chain_clear(&w.after);
    free(w.busy);
    return result;
}
