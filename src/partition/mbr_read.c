// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * mbr_read.c: an MBR and the walk along its chain. The walk is bounded: a record is visited once,
 * lies in the extended partition, and there are at most MBR_LOGICALS_MAX. Where it cannot go on it
 * ends, and the table has the damage.
 */
#include "core/cleanup.h"
#include "partition/mbr.h"
#include "partition/table_parts.h"
#include "partition/type.h"

#include <endian.h>
#include <string.h>

void mbr_chain_clear(struct mbr_chain *chain)
{
    free(chain->nodes);
    *chain = (struct mbr_chain){0};
}

static int add_entry(struct table *table, unsigned number, const struct mbr_record *record,
                     struct extent range, uint64_t ebr, struct err *e)
{
    struct table_entry entry = {.number = number,
                                .range = range,
                                .code = record->code,
                                .attributes = record->active != 0 ? TABLE_ACTIVE : 0,
                                .ebr = ebr};

    return table_insert(table, &entry, e);
}

/* The partitions of sector 0. The first extended one is the container; a second one is damage. */
static int read_primaries(const struct mbr_sector *s, unsigned sector, struct table *table,
                          struct err *e)
{
    for (unsigned i = 0; i < MBR_RECORDS; i++) {
        const struct mbr_record *record = &s->records[i];
        struct extent range = mbr_decode_range(record, 0, sector);

        if (range.bytes == 0)
            continue;
        if (mbr_is_extended(record->code) && table->extended.range.bytes == 0) {
            table->extended = (struct table_extended){i + 1, record->code, range};
            continue;
        }
        if (mbr_is_extended(record->code) &&
            table_damage(table, DAMAGE_EBR_DAMAGED, i + 1, e,
                         "partition %u is a second extended partition beside %u", i + 1,
                         table->extended.number) < 0)
            return -1;
        if (add_entry(table, i + 1, record, range, 0, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- the chain ---- */

struct walk {
    struct table_window *window;
    struct table *table;
    struct mbr_chain *chain;
    size_t room;
    unsigned logicals; /* found so far */
};

static int damaged(struct walk *w, enum damage_kind kind, uint64_t at, const char *what,
                   struct err *e)
{
    unsigned number = MBR_FIRST + w->logicals;

    return table_damage(w->table, kind, number, e,
                        "the extended boot record of partition %u, at byte %llu, %s", number,
                        (unsigned long long)at, what);
}

/* 1: the walk may go on to the record at `at`. */
static int may_visit(struct walk *w, uint64_t at, struct err *e)
{
    unsigned sector = w->window->bd->sector;
    struct extent record = {at, sector}, disk = {0, w->window->lbas * sector};

    if (!extent_contains(&w->chain->extended, &record) || !extent_contains(&disk, &record))
        return damaged(w, DAMAGE_EBR_DAMAGED, at, "lies outside the extended partition", e);
    for (size_t i = 0; i < w->chain->n; i++)
        if (w->chain->nodes[i].at == at)
            return damaged(w, DAMAGE_EBR_LOOP, at, "is one that the chain has passed already", e);
    if (w->chain->n > MBR_LOGICALS_MAX)
        return damaged(w, DAMAGE_EBR_DAMAGED, at, "is one too many for berth", e);
    return 1;
}

static struct mbr_node *add_node(struct walk *w, uint64_t at, struct err *e)
{
    struct mbr_chain *chain = w->chain;

    if (chain->n == w->room) {
        size_t room = w->room == 0 ? 16 : 2 * w->room;
        struct mbr_node *grown = realloc(chain->nodes, room * sizeof(*grown));

        if (grown == NULL) {
            err_no_memory(e);
            return NULL;
        }
        chain->nodes = grown;
        w->room = room;
    }
    chain->nodes[chain->n] = (struct mbr_node){.at = at};
    return &chain->nodes[chain->n++];
}

/* The record's partition and its link; more than one of each is damage. 1: *next is the link. */
static int read_records(struct walk *w, const struct mbr_sector *s, struct mbr_node *node,
                        uint64_t *next, struct err *e)
{
    unsigned sector = w->window->bd->sector, data = 0, links = 0;

    for (unsigned i = 0; i < MBR_RECORDS; i++) {
        const struct mbr_record *record = &s->records[i];

        if (record->sectors == 0)
            continue;
        if (mbr_is_extended(record->code)) {
            *next = mbr_decode_range(record, w->chain->extended.start, sector).start;
            links++;
            continue;
        }
        if (data++ > 0)
            continue;
        node->data = mbr_decode_range(record, node->at, sector);
        node->code = record->code;
        node->active = record->active != 0;
        if (add_entry(w->table, MBR_FIRST + w->logicals, record, node->data, node->at, e) < 0)
            return -1;
    }
    if ((data > 1 || links > 1) &&
        damaged(w, DAMAGE_EBR_DAMAGED, node->at, "has more than one partition or link", e) < 0)
        return -1;
    w->logicals += data > 0;
    return links > 0;
}

static bool is_boot_record(const struct mbr_sector *s)
{
    for (unsigned i = 0; i < MBR_RECORDS; i++)
        if ((s->records[i].active & 0x7f) != 0)
            return false;
    return s->signature[0] == 0x55 && s->signature[1] == 0xaa;
}

static bool is_blank(const struct mbr_sector *s)
{
    static const struct mbr_sector zeros;

    return memcmp(s, &zeros, sizeof(zeros)) == 0;
}

/* Every tool gives a new extended partition a record with a signature: where that has gone, so may
 * have been a whole chain. */
static int report_none(struct walk *w, const struct mbr_sector *s, struct mbr_node *node,
                       struct err *e)
{
    node->dangles = node->none = true;
    return damaged(w, DAMAGE_EBR_DAMAGED, node->at, is_blank(s) ? "is erased" : "is not one", e);
}

static int walk_chain(struct walk *w, uint64_t at, struct err *e)
{
    uint64_t next = 0;
    struct mbr_node *node = NULL;
    int result;

    while ((result = may_visit(w, at, e)) > 0) {
        struct mbr_sector s;

        if (table_window_read(w->window, &s, sizeof(s), at, e) < 0)
            return -1;
        node = add_node(w, at, e);
        if (node == NULL)
            return -1;
        if (!is_boot_record(&s))
            return report_none(w, &s, node, e);
        result = read_records(w, &s, node, &next, e);
        if (result <= 0)
            return result;
        at = next;
    }
    if (node != NULL)
        node->dangles = true;
    return result;
}

int mbr_read(struct table_window *window, struct table *table, struct mbr_chain *chain,
             struct err *e)
{
    struct walk w = {.window = window, .table = table, .chain = chain};
    struct mbr_sector s;

    memcpy(&s, window->head_bytes, sizeof(s));
    table->kind = TABLE_MBR;
    table->slots = MBR_RECORDS;
    memcpy(table->uuid.bytes, s.id, sizeof(s.id));
    if (read_primaries(&s, window->bd->sector, table, e) < 0)
        return -1;
    chain->extended = table->extended.range;
    return chain->extended.bytes > 0 ? walk_chain(&w, chain->extended.start, e) : 0;
}
