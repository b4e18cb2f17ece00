// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * mbr_chain.c: where the boot records of logical partitions go. Pure.
 *
 * A record names its own partition and where the next record is, so a change in the middle of the
 * chain would take several writes that only make sense together. Instead, of all the records that
 * have to change only the first is changed where it is; the others get new places, to which nothing
 * points before that one sector is written.
 */
#include "core/cleanup.h"
#include "partition/mbr.h"

#include <string.h>

/* Ranges that a record must not be in: sorted, none touching another. */
struct blocked {
    struct extent *list;
    size_t n, room;
};

/* The first range that ends at or behind `start`. */
static size_t find_blocked(const struct blocked *b, uint64_t start)
{
    size_t low = 0, high = b->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (extent_end(&b->list[middle]) < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int block(struct blocked *b, struct extent range, struct err *e)
{
    size_t first = find_blocked(b, range.start), end = first;
    uint64_t last = extent_end(&range);

    if (range.bytes == 0)
        return 0;
    if (b->n == b->room) {
        size_t room = b->room == 0 ? 64 : 2 * b->room;
        struct extent *grown = realloc(b->list, room * sizeof(*grown));

        if (grown == NULL)
            return err_no_memory(e);
        b->list = grown;
        b->room = room;
    }
    for (; end < b->n && b->list[end].start <= extent_end(&range); end++) {
        range.start = b->list[end].start < range.start ? b->list[end].start : range.start;
        last = extent_end(&b->list[end]) > last ? extent_end(&b->list[end]) : last;
        range.bytes = last - range.start;
    }
    memmove(&b->list[first + 1], &b->list[end], (b->n - end) * sizeof(*b->list));
    b->list[first] = range;
    b->n += first + 1 - end;
    return 0;
}

/* The start of the last free range before `end` that has a sector, not below `low`; 0: none. */
static uint64_t free_before(const struct blocked *b, uint64_t low, uint64_t end)
{
    size_t i = find_blocked(b, end);

    if (i < b->n && b->list[i].start < end)
        end = b->list[i].start;
    while (end > low) {
        uint64_t start = i > 0 ? extent_end(&b->list[i - 1]) : 0;

        start = start < low ? low : start;
        if (start < end)
            return start;
        end = i > 0 ? b->list[i - 1].start : 0;
        i = i > 0 ? i - 1 : 0;
    }
    return 0;
}

/* ---- making a chain ---- */

int mbr_chain_make(const struct table *table, struct mbr_chain *chain, struct err *e)
{
    chain->extended = table->extended.range;
    chain->n = 0;
    chain->nodes = calloc(table->n + 2, sizeof(*chain->nodes));
    if (chain->nodes == NULL)
        return err_no_memory(e);
    if (chain->extended.bytes == 0)
        return 0;
    chain->nodes[chain->n++].at = chain->extended.start;
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];
        bool at_head = entry->ebr == 0 || entry->ebr == chain->extended.start;

        if (entry->number < MBR_FIRST)
            continue;
        if (!(chain->n == 1 && chain->nodes[0].data.bytes == 0 && at_head))
            chain->nodes[chain->n++].at = entry->ebr;
        chain->nodes[chain->n - 1].data = entry->range;
        chain->nodes[chain->n - 1].code = entry->code;
        chain->nodes[chain->n - 1].active = (entry->attributes & TABLE_ACTIVE) != 0;
    }
    return 0;
}

/* ---- placing one ---- */

struct placing {
    struct mbr_chain *chain;
    const struct mbr_chain *old;
    const struct mbr_room *room;
    struct blocked hard, soft; /* never; only when there is nowhere else */
};

static struct extent record_of(const struct placing *p, const struct mbr_node *node)
{
    return (struct extent){node->at, p->room->sector};
}

static int block_both(struct placing *p, struct extent range, struct err *e)
{
    return block(&p->hard, range, e) < 0 ? -1 : block(&p->soft, range, e);
}

static int block_all(struct placing *p, struct err *e)
{
    if (block_both(p, p->room->avoid, e) < 0)
        return -1;
    for (size_t i = 0; i < p->chain->n; i++)
        if (block_both(p, p->chain->nodes[i].data, e) < 0)
            return -1;
    for (size_t i = 0; p->old != NULL && i < p->old->n; i++)
        if (block_both(p, record_of(p, &p->old->nodes[i]), e) < 0)
            return -1;
    for (size_t i = 0; i < p->room->n_busy; i++)
        if (block(&p->soft, p->room->busy[i], e) < 0)
            return -1;
    return 0;
}

/* Gives the node a record that nothing points to and nothing uses. */
static int find_place(struct placing *p, struct mbr_node *node, struct err *e)
{
    uint64_t low = p->chain->extended.start + p->room->sector;

    node->at = free_before(&p->soft, low, node->data.start);
    if (node->at == 0)
        node->at = free_before(&p->hard, low, node->data.start);
    node->state = NODE_NEW;
    if (node->at == 0) {
        err_set(e, ERR_NO_SPACE,
                "the extended partition has no free sector for the boot record of the logical "
                "partition at byte %llu",
                (unsigned long long)node->data.start);
        return err_hint(e, "leave a free sector, better a mebibyte, before each logical partition");
    }
    return block_both(p, record_of(p, node), e);
}

/* Records that cannot stay where they are: in a partition or `avoid`, behind their partition,
 * outside the extended one, or where another one is; they lose their place. */
static int drop_impossible(struct placing *p, struct err *e)
{
    struct mbr_chain *chain = p->chain;
    struct blocked taken = {0};
    int result = block(&taken, p->room->avoid, e);

    for (size_t i = 0; result == 0 && i < chain->n; i++)
        result = block(&taken, chain->nodes[i].data, e);
    for (size_t i = 0; result == 0 && i < chain->n; i++) {
        struct mbr_node *node = &chain->nodes[i];
        struct extent record = record_of(p, node);
        size_t k = find_blocked(&taken, node->at + 1);

        if (i > 0 && (node->at % p->room->sector != 0 ||
                      !extent_contains(&chain->extended, &record) || node->at >= node->data.start ||
                      (k < taken.n && extent_overlaps(&taken.list[k], &record))))
            node->at = 0;
        else
            result = block(&taken, record, e);
    }
    free(taken.list);
    return result;
}

static const struct mbr_node *old_node_at(const struct placing *p, uint64_t at, uint64_t *next)
{
    for (size_t i = 0; p->old != NULL && i < p->old->n; i++) {
        if (p->old->nodes[i].at == at) {
            *next = i + 1 < p->old->n ? p->old->nodes[i + 1].at : 0;
            return &p->old->nodes[i];
        }
    }
    return NULL;
}

/* What writing the i-th node means; the one behind it has its place. */
static void find_state(const struct placing *p, size_t i)
{
    struct mbr_node *node = &p->chain->nodes[i];
    uint64_t next = i + 1 < p->chain->n ? p->chain->nodes[i + 1].at : 0, old_next = 0;
    const struct mbr_node *old = old_node_at(p, node->at, &old_next);

    if (old == NULL)
        node->state = NODE_NEW;
    else if (old->data.start == node->data.start && old->data.bytes == node->data.bytes &&
             old->code == node->code && old->active == node->active && old_next == next &&
             !old->dangles && (next == 0 || p->old->extended.start == p->chain->extended.start))
        node->state = NODE_SAME;
    else
        node->state = NODE_CHANGED;
}

static int place_missing(struct placing *p, struct err *e)
{
    struct mbr_chain *chain = p->chain;

    for (size_t i = 0; i < chain->n; i++)
        if (chain->nodes[i].at != 0 && block_both(p, record_of(p, &chain->nodes[i]), e) < 0)
            return -1;
    for (size_t i = 1; i < chain->n; i++)
        if (chain->nodes[i].at == 0 && find_place(p, &chain->nodes[i], e) < 0)
            return -1;
    return 0;
}

static size_t first_changed(const struct placing *p)
{
    size_t first = p->chain->n;

    for (size_t i = p->chain->n; i-- > 0;) {
        find_state(p, i);
        if (p->chain->nodes[i].state == NODE_CHANGED)
            first = i;
    }
    return first;
}

/* Moves every record from the n-th on that would change where it is; from the back, since one that
 * moves changes the one before it. */
static int move_changed(struct placing *p, size_t n, struct err *e)
{
    for (size_t i = p->chain->n; i-- > n;) {
        find_state(p, i);
        if (p->chain->nodes[i].state == NODE_CHANGED && find_place(p, &p->chain->nodes[i], e) < 0)
            return -1;
    }
    return 0;
}

int mbr_chain_place(struct mbr_chain *chain, const struct mbr_chain *old,
                    const struct mbr_room *room, struct err *e)
{
    struct placing p = {.chain = chain, .old = old, .room = room};
    bool same_start = old != NULL && old->n > 0 && old->extended.start == chain->extended.start;
    int result = -1;
    size_t first;

    if (drop_impossible(&p, e) == 0 && block_all(&p, e) == 0 && place_missing(&p, e) == 0) {
        first = first_changed(&p);
        result = move_changed(&p, same_start ? first + 1 : 1, e);
        if (result == 0 && first < chain->n)
            find_state(&p, first);
    }
    free(p.hard.list);
    free(p.soft.list);
    return result;
}
