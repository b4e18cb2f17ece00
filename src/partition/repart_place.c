// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * repart_place.c: which partitions there will be, where and how large, by the rules of
 * systemd-repart 252 (repart.d(5)), to the byte. Pure.
 *
 * A free area belongs to the partition that it follows, which may grow into it. New partitions go,
 * in their files' order, into the smallest area that has room for their minimum; while some do not
 * fit, those of the highest priority value are given up. Then each area is divided: first among
 * those whose minimum is more than their share by weight, then among those whose maximum is less,
 * then the rest by weight. Everything new is a multiple of the grain.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "partition/repart.h"

#include <string.h>

#define SIZE_DEFAULT (10 * MIB) /* SizeMinBytes= of a file that has none */
#define SIZE_LEAST   4096       /* nothing is smaller */
#define NONE         -1

struct area {
    int after; /* index of the partition it follows, or NONE: it is before the first */
    uint64_t bytes;
    uint64_t given; /* to the minima of new partitions */
};

struct placing {
    struct repart_set *set;
    uint64_t grain;
    uint64_t start; /* of the usable range, aligned */
    struct area *areas;
    size_t n;
    size_t *order; /* of areas, the smallest first */
};

static bool is_foreign(const struct repart_partition *p)
{
    return p->file == NULL;
}

static uint64_t up(const struct placing *placing, uint64_t bytes)
{
    return bytes > UINT64_MAX - placing->grain ? UINT64_MAX : round_up(bytes, placing->grain);
}

static uint64_t less(uint64_t from, uint64_t bytes)
{
    return from > bytes ? from - bytes : 0;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* ---- how much a partition needs and takes ---- */

/* What a new filesystem needs at least, as systemd-repart takes it. */
static uint64_t format_least(const char *format)
{
    if (strcmp(format, "ext4") == 0)
        return MIB;
    if (strcmp(format, "xfs") == 0)
        return 14 * MIB;
    if (strcmp(format, "btrfs") == 0)
        return 256 * MIB;
    return SIZE_LEAST;
}

static uint64_t least_size(const struct placing *placing, const struct repart_partition *p)
{
    uint64_t least = SIZE_LEAST, wanted;

    if (is_foreign(p))
        return p->size_there;
    if (p->there != NULL)
        least = p->size_there;
    else if (p->format != NULL && up(placing, format_least(p->format)) > least)
        least = up(placing, format_least(p->format));
    wanted = up(placing, p->size_min == REPART_UNSET ? SIZE_DEFAULT : p->size_min);
    return wanted > least ? wanted : least;
}

/* Nothing is ever made smaller than it is. */
static uint64_t most_size(const struct placing *placing, const struct repart_partition *p)
{
    uint64_t most, least;

    if (is_foreign(p))
        return p->size_there;
    if (p->size_max == REPART_UNSET)
        return UINT64_MAX;
    most = round_down(p->size_max, placing->grain);
    if (p->there != NULL && p->size_there > most)
        most = p->size_there;
    least = least_size(placing, p);
    return most > least ? most : least;
}

static uint64_t least_padding(const struct repart_partition *p)
{
    return p->padding_min == REPART_UNSET ? 0 : p->padding_min;
}

/* With what is lost by alignment: a partition that is there may lie anywhere. */
static uint64_t least_with_padding(const struct placing *placing, const struct repart_partition *p)
{
    uint64_t bytes = plus(least_size(placing, p), least_padding(p));

    if (p->there != NULL)
        return up(placing, plus(p->start, bytes)) - p->start;
    return up(placing, bytes);
}

/* ---- the free areas ---- */

static void add_area(struct placing *placing, uint64_t bytes, int after)
{
    placing->order[placing->n] = placing->n;
    placing->areas[placing->n++] = (struct area){.after = after, .bytes = bytes};
}

/* The free bytes between a partition and the next, or the end; aligned. */
static uint64_t padding_behind(const struct placing *placing, const struct repart_partition *p,
                               uint64_t usable_end)
{
    uint64_t end = p->start + p->size_there, next = UINT64_MAX;

    for (size_t i = 0; i < placing->set->n; i++) {
        const struct repart_partition *q = &placing->set->partitions[i];

        if (q->there != NULL && q->start >= end && q->start < next)
            next = q->start;
    }
    if (next == UINT64_MAX)
        next = usable_end;
    return less(round_down(next, placing->grain), up(placing, end));
}

/* The existing partition with the lowest number above `number`, or NONE. */
static int next_existing(const struct repart_set *set, unsigned number)
{
    int found = NONE;

    for (size_t i = 0; i < set->n; i++) {
        const struct repart_partition *p = &set->partitions[i];

        if (p->there != NULL && p->number > number &&
            (found == NONE || p->number < set->partitions[found].number))
            found = (int)i;
    }
    return found;
}

static void find_areas(struct placing *placing, struct extent usable)
{
    struct repart_set *set = placing->set;
    uint64_t end = extent_end(&usable), first = end;
    int i = next_existing(set, 0);

    placing->start = up(placing, usable.start);
    for (; i != NONE; i = next_existing(set, set->partitions[i].number)) {
        struct repart_partition *p = &set->partitions[i];

        first = p->start < first ? p->start : first;
        p->padding_there = padding_behind(placing, p, end);
        if (p->padding_there > 0) {
            p->area_behind = (int)placing->n;
            add_area(placing, p->padding_there, i);
        }
    }
    if (round_down(first, placing->grain) > placing->start)
        add_area(placing, round_down(first, placing->grain) - placing->start, NONE);
}

/* What new partitions can have of it, when the partition before it has what it needs. */
static uint64_t area_left(const struct placing *placing, const struct area *area)
{
    const struct repart_partition *p;

    if (area->after == NONE)
        return area->bytes - area->given;
    p = &placing->set->partitions[area->after];
    return less(up(placing, p->start + p->size_there) + area->bytes - area->given,
                up(placing, plus(p->start, least_with_padding(placing, p))));
}

/* The partition before the area has to have room in it. */
static bool area_suffices(const struct placing *placing, const struct area *area)
{
    const struct repart_partition *p;

    if (area->after == NONE)
        return true;
    p = &placing->set->partitions[area->after];
    return up(placing, p->start + p->size_there) + area->bytes - area->given >=
           up(placing, plus(p->start, least_with_padding(placing, p)));
}

/* Areas of one size keep their order. */
static void sort_areas(struct placing *placing)
{
    for (size_t i = 1; i < placing->n; i++) {
        size_t moved = placing->order[i], at = i;
        uint64_t left = area_left(placing, &placing->areas[moved]);

        for (; at > 0 && area_left(placing, &placing->areas[placing->order[at - 1]]) > left; at--)
            placing->order[at] = placing->order[at - 1];
        placing->order[at] = moved;
    }
}

/* ---- who goes where ---- */

static bool put_into_area(struct placing *placing, struct repart_partition *p)
{
    uint64_t need = least_with_padding(placing, p);

    for (size_t i = 0; i < placing->n; i++) {
        struct area *area = &placing->areas[placing->order[i]];

        if (area_left(placing, area) < need)
            continue;
        p->area = (int)placing->order[i];
        area->given += need;
        return true;
    }
    return false;
}

/* The one that does not fit, or NULL. `largest`: bytes of the largest area. */
static const struct repart_partition *allocate(struct placing *placing, uint64_t *largest)
{
    for (size_t i = 0; i < placing->n; i++)
        placing->areas[i].given = 0;
    sort_areas(placing);
    *largest =
        placing->n == 0 ? 0 : area_left(placing, &placing->areas[placing->order[placing->n - 1]]);
    for (size_t i = 0; i < placing->n; i++)
        if (!area_suffices(placing, &placing->areas[i]))
            return &placing->set->partitions[placing->areas[i].after];
    for (size_t i = 0; i < placing->set->n; i++) {
        struct repart_partition *p = &placing->set->partitions[i];

        if (!p->dropped && p->there == NULL && !put_into_area(placing, p))
            return p;
    }
    return NULL;
}

/* One that is there stays as it is, and no file means it any more. */
static void give_up(struct repart_partition *p)
{
    if (p->dropped || is_foreign(p))
        return;
    if (p->there == NULL) {
        p->dropped = true;
        p->area = NONE;
        return;
    }
    free(p->file);
    p->file = NULL;
    p->priority = 0;
    p->weight = 1000;
    p->padding_weight = 0;
    p->size_min = p->size_max = p->padding_min = p->padding_max = REPART_UNSET;
}

static int note_given_up(struct repart_set *set, const struct repart_partition *p, struct err *e)
{
    _cleanup_free_ char *text = NULL;

    if (p->dropped || is_foreign(p))
        return 0;
    text = io_format(e, "%s: there is no room for it: it is %s, as its Priority=%d lets it be",
                     p->file, p->there == NULL ? "left out" : "not grown", (int)p->priority);
    return text == NULL ? -1 : strings_add(&set->notes, text, strlen(text), e);
}

/* Gives up those of the highest priority value; 0 when none is above 0. */
static int give_up_some(struct repart_set *set, struct err *e)
{
    int32_t highest = 0;

    for (size_t i = 0; i < set->n; i++)
        if (!set->partitions[i].dropped && set->partitions[i].priority > highest)
            highest = set->partitions[i].priority;
    for (size_t i = 0; highest > 0 && i < set->n; i++)
        if (set->partitions[i].priority >= highest) {
            if (note_given_up(set, &set->partitions[i], e) < 0)
                return -1;
            give_up(&set->partitions[i]);
        }
    return highest > 0;
}

/* ---- dividing an area ---- */

struct share {
    uint64_t span;    /* bytes that are still to be divided */
    uint64_t weights; /* sum of those who have nothing yet */
};

/* The order in which shares are settled; each after the first one starts again while it changes
 * something. */
enum phase { FOREIGN, NEEDS_MORE, TAKES_LESS, REST, PHASES };

static bool is_of(const struct repart_partition *p, int area)
{
    return p->area == area || p->area_behind == area;
}

/* On a disk so large that the product has no room in 64 bits, systemd-repart makes the weights
 * coarser; so does this, or the last bytes would differ. */
static uint64_t by_weight(const struct share *share, uint64_t weight)
{
    uint64_t sum = share->weights, product;

    while (weight != 0 && weight != sum) {
        if (!__builtin_mul_overflow(share->span, weight, &product))
            return product / sum;
        sum = sum / 2 + sum % 2;
        weight /= 2;
    }
    return weight == 0 ? 0 : share->span;
}

/* Settles one amount (a size or a padding) if it is its turn. True when it was settled. */
static bool settle(const struct placing *placing, struct share *share, enum phase phase,
                   uint64_t weight, uint64_t least, uint64_t most, uint64_t *amount)
{
    uint64_t part = by_weight(share, weight);

    if (phase == NEEDS_MORE && least > part)
        *amount = least;
    else if (phase == TAKES_LESS && most < part)
        *amount = most;
    else if (phase == REST) {
        part = round_down(part, placing->grain);
        *amount = part < least ? least : part > most ? most : part;
    } else
        return false;
    share->span = less(share->span, up(placing, *amount));
    share->weights -= weight;
    return true;
}

/* True when nothing was settled that changes the shares of the others. */
static bool settle_phase(struct placing *placing, int area, enum phase phase, struct share *share)
{
    bool again = false;

    for (size_t i = 0; i < placing->set->n; i++) {
        struct repart_partition *p = &placing->set->partitions[i];

        if (!is_of(p, area))
            continue;
        if (p->size == REPART_UNSET) {
            if (phase == FOREIGN && is_foreign(p)) {
                p->size = p->size_there;
                share->span = less(share->span, up(placing, p->size));
                share->weights -= p->weight;
            } else if (settle(placing, share, phase, p->weight, least_size(placing, p),
                              most_size(placing, p), &p->size)) {
                again = true;
            }
        }
        if (p->padding == REPART_UNSET && settle(placing, share, phase, p->padding_weight,
                                                 least_padding(p), p->padding_max, &p->padding))
            again = true;
    }
    return phase == REST || !again;
}

/* Gives what rounding left over to a partition of the area. */
static void grow_one(const struct placing *placing, int area, struct repart_partition *p,
                     uint64_t *span)
{
    uint64_t size, most;

    if (*span == 0 || p->area != area || is_foreign(p))
        return;
    most = most_size(placing, p);
    size = round_down(p->size + *span, placing->grain);
    size = size < p->size ? p->size : size;
    size = size > most ? most : size;
    *span = less(*span, up(placing, size - p->size));
    p->size = size;
}

static void divide_area(struct placing *placing, int index)
{
    struct repart_set *set = placing->set;
    const struct area *area = &placing->areas[index];
    struct repart_partition *after = area->after == NONE ? NULL : &set->partitions[area->after];
    struct share share = {.span = area->bytes};

    for (size_t i = 0; i < set->n; i++)
        if (is_of(&set->partitions[i], index))
            share.weights +=
                (uint64_t)set->partitions[i].weight + set->partitions[i].padding_weight;
    if (after != NULL)
        share.span += up(placing, after->start + after->size_there) - after->start;
    for (enum phase phase = FOREIGN; phase < PHASES;)
        if (settle_phase(placing, index, phase, &share))
            phase++;
    if (after != NULL)
        grow_one(placing, index, after, &share.span);
    for (size_t i = 0; i < set->n; i++)
        grow_one(placing, index, &set->partitions[i], &share.span);
    if (after != NULL)
        after->padding += share.span;
}

/* ---- the result ---- */

static void number_and_start(struct placing *placing)
{
    struct repart_set *set = placing->set;
    unsigned number = 0;

    for (size_t i = 0; i < set->n; i++)
        if (set->partitions[i].there != NULL && set->partitions[i].number > number)
            number = set->partitions[i].number;
    for (size_t i = 0; i < placing->n; i++) {
        int index = (int)placing->order[i];
        const struct area *area = &placing->areas[index];
        const struct repart_partition *after =
            area->after == NONE ? NULL : &set->partitions[area->after];
        uint64_t start =
            after == NULL ? placing->start : after->start + after->size + after->padding;

        start = up(placing, start);
        for (size_t j = 0; j < set->n; j++) {
            struct repart_partition *p = &set->partitions[j];

            if (p->area != index)
                continue;
            p->start = start;
            p->number = ++number;
            start += p->size + p->padding;
        }
    }
}

static int no_room(const struct placing *placing, const struct repart_partition *p,
                   uint64_t largest, struct err *e)
{
    char needs[SIZE_TEXT], has[SIZE_TEXT];

    size_human(least_with_padding(placing, p), needs, sizeof(needs));
    size_human(largest, has, sizeof(has));
    err_set(e, ERR_NO_SPACE, "the partitions do not fit: %s needs %s, the largest free area has %s",
            p->file != NULL ? p->file : "what is there", needs, has);
    return err_hint(e, "SizeMinBytes= and PaddingMinBytes= say what it needs; one with a Priority= "
                       "above 0 may be left out");
}

/* systemd-repart does not look at a partition behind which nothing is free. */
static int note_small(struct placing *placing, const struct repart_partition *p, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    char needs[SIZE_TEXT], has[SIZE_TEXT];

    if (is_foreign(p) || p->size_min == REPART_UNSET || p->size_there >= least_size(placing, p))
        return 0;
    text = io_format(e, "%s: partition %u has %s, not the %s of SizeMinBytes=: it cannot grow",
                     p->file, p->number, size_human(p->size_there, has, sizeof(has)),
                     size_human(least_size(placing, p), needs, sizeof(needs)));
    return text == NULL ? -1 : strings_add(&placing->set->notes, text, strlen(text), e);
}

static int place(struct placing *placing, struct extent usable, struct err *e)
{
    struct repart_set *set = placing->set;
    const struct repart_partition *stuck;
    uint64_t largest;

    find_areas(placing, usable);
    while ((stuck = allocate(placing, &largest)) != NULL) {
        int given_up = give_up_some(set, e);

        if (given_up <= 0)
            return given_up < 0 ? -1 : no_room(placing, stuck, largest, e);
    }
    for (size_t i = 0; i < placing->n; i++)
        divide_area(placing, (int)placing->order[i]);
    for (size_t i = 0; i < set->n; i++) {
        struct repart_partition *p = &set->partitions[i];

        if (p->there == NULL || p->area_behind != NONE)
            continue;
        p->size = p->size_there;
        if (note_small(placing, p, e) < 0)
            return -1;
    }
    number_and_start(placing);
    return 0;
}

int repart_place(struct repart_set *set, struct extent usable, uint64_t grain, struct err *e)
{
    _cleanup_free_ struct area *areas = calloc(set->n + 1, sizeof(*areas));
    _cleanup_free_ size_t *order = calloc(set->n + 1, sizeof(*order));
    struct placing placing = {.set = set, .grain = grain, .areas = areas, .order = order};

    if (areas == NULL || order == NULL)
        return err_no_memory(e);
    return place(&placing, usable, e);
}
