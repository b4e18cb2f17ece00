// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * area.c: the area's layout, from its end: two heads, two counters, two slots for documents, and in
 * front of them the journal. All of it in blocks of 4096 bytes, numbers little-endian.
 *
 * Slot, head and counter 0 belong to even sequences, those with 1 to odd ones: a new document never
 * touches what the one that counts needs. A head and a counter fit in one sector of any disk, so a
 * power cut leaves them whole or their CRC is wrong. Whoever can write to the disk can write a
 * head: each of its numbers is bounded before it is used.
 */
#include "block/area_format.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

#define SLOT_LEAST (96 * KIB)
#define SLOT_MOST  (1 * MIB)
#define SCAN_CHUNK (1 * MIB)

/* ---- where things lie ---- */

static uint64_t head_start(const struct area *area, uint64_t sequence)
{
    return extent_end(&area->range) - (2 - sequence % 2) * AREA_BLOCK;
}

static uint64_t counter_start(const struct area *area, uint64_t turn)
{
    return extent_end(&area->range) - (4 - turn % 2) * AREA_BLOCK;
}

static uint64_t slot_start(const struct area *area, uint64_t sequence)
{
    return extent_end(&area->range) - AREA_TAIL - (2 - sequence % 2) * area->slot;
}

static void place_area(struct area *area, struct blockdev *bd, struct extent range, uint64_t slot)
{
    *area = (struct area){.bd = bd, .range = range, .slot = slot};
    area->journal = (struct extent){range.start, slot_start(area, 0) - range.start};
}

/* The part of the place that an area can use; bytes 0: too small, or not on the disk. */
static struct extent usable_part(const struct blockdev *bd, const struct extent *place)
{
    struct extent none = {0, 0}, part;

    if (place->start > bd->bytes || place->bytes > bd->bytes - place->start ||
        place->bytes < AREA_LEAST)
        return none;
    part.start = round_up(place->start, AREA_BLOCK);
    part.bytes = round_down(extent_end(place), AREA_BLOCK) - part.start;
    return part.bytes < AREA_LEAST ? none : part;
}

/* ---- reading ---- */

/* True when the head says that its area ends where the part ends, and what it needs lies in it. */
static bool head_fits(const struct area_head *head, const struct extent *part)
{
    uint64_t end = extent_end(part);
    uint64_t start = head->start > part->start ? head->start : part->start;

    if (head->start > end || head->bytes != end - head->start || head->bytes > AREA_MOST ||
        head->start % AREA_BLOCK != 0)
        return false;
    if (head->slot < SLOT_LEAST || head->slot > SLOT_MOST || head->slot % AREA_BLOCK != 0 ||
        head->document_bytes > head->slot)
        return false;
    return 2 * head->slot + AREA_TAIL <= end - start;
}

/* Replaces *best and *range by what the part's heads say, when it is newer. */
static int read_heads(struct blockdev *bd, const struct extent *part, struct area_head *best,
                      struct extent *range, struct err *e)
{
    char blocks[2 * AREA_BLOCK];
    uint64_t end = extent_end(part);

    if (blockdev_pread(bd, blocks, sizeof(blocks), end - sizeof(blocks), e) < 0)
        return err_wrap(e, "looking for the log");
    for (uint64_t i = 0; i < 2; i++) {
        struct area_head head;

        memcpy(&head, blocks + i * AREA_BLOCK, sizeof(head));
        if (!area_head_is_whole(&head, i) || !head_fits(&head, part) ||
            head.sequence <= best->sequence)
            continue;
        *best = head;
        range->start = head.start > part->start ? head.start : part->start;
        range->bytes = end - range->start;
    }
    return 0;
}

/* A document that is not what was written is left out. The one before it would be whole, but what
 * it says is no longer so. */
static int read_document(struct area *area, const struct area_head *head, struct err *e)
{
    size_t n = (size_t)head->document_bytes;
    _cleanup_free_ char *document = NULL;

    if (n == 0)
        return 0;
    document = malloc(n + 1);
    if (document == NULL)
        return err_no_memory(e);
    if (blockdev_pread(area->bd, document, n, slot_start(area, head->sequence), e) < 0)
        return err_wrap(e, "reading the log");
    area->damaged = area_crc(document, n) != head->document_crc;
    if (area->damaged)
        return 0;
    document[n] = '\0'; /* text for those who keep text in it */
    area->document = steal(document);
    area->bytes = n;
    return 0;
}

int area_find(struct blockdev *bd, const struct extent *places, size_t n, struct area *area,
              struct err *e)
{
    struct area_head best = {0};
    struct extent range = {0, 0};

    *area = (struct area){0};
    for (size_t i = 0; i < n; i++) {
        struct extent part = usable_part(bd, &places[i]);

        if (part.bytes != 0 && read_heads(bd, &part, &best, &range, e) < 0)
            return -1;
    }
    if (best.sequence == 0)
        return 0;
    place_area(area, bd, range, best.slot);
    area->sequence = best.sequence;
    return read_document(area, &best, e) < 0 ? -1 : 1;
}

/* ---- choosing a place ---- */

static bool is_zeros(const char *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* 1: the range reads as zeros, 0: it does not. */
static int range_is_zeros(struct blockdev *bd, struct extent range, struct err *e)
{
    _cleanup_free_ char *buf = malloc(SCAN_CHUNK);
    uint64_t end = extent_end(&range);
    struct extent data = {range.start, 0};

    if (buf == NULL)
        return err_no_memory(e);
    for (uint64_t at = range.start; at < end;) {
        uint64_t left;
        size_t n;

        if (at >= extent_end(&data) && blockdev_next_data(bd, at, &data, e) < 0)
            return -1;
        if (data.bytes == 0 || data.start >= end)
            return 1;
        at = data.start > at ? data.start : at;
        left = (extent_end(&data) < end ? extent_end(&data) : end) - at;
        n = left < SCAN_CHUNK ? (size_t)left : (size_t)SCAN_CHUNK;
        if (blockdev_pread(bd, buf, n, at, e) < 0)
            return -1;
        if (!is_zeros(buf, n))
            return 0;
        at += n;
    }
    return 1;
}

static uint64_t slot_for(uint64_t area_bytes)
{
    uint64_t slot = round_down(area_bytes / 8, AREA_BLOCK);

    if (slot < SLOT_LEAST)
        return SLOT_LEAST;
    return slot > SLOT_MOST ? SLOT_MOST : slot;
}

int area_choose(struct blockdev *bd, const struct extent *places, size_t n, struct area *area,
                struct err *e)
{
    int found = area_find(bd, places, n, area, e);

    if (found != 0)
        return found < 0 ? -1 : 0;
    for (size_t i = 0; i < n; i++) {
        struct extent part = usable_part(bd, &places[i]);
        int zeros;

        if (part.bytes == 0)
            continue;
        if (part.bytes > AREA_MOST)
            part = (struct extent){extent_end(&part) - AREA_MOST, AREA_MOST};
        zeros = range_is_zeros(bd, part, e);
        if (zeros < 0)
            return err_wrap(e, "looking for a place for the log");
        if (zeros > 0) {
            place_area(area, bd, part, slot_for(part.bytes));
            return 0;
        }
    }
    return err_set(
        e, ERR_NO_SPACE,
        "%s: no free range of %llu KiB or more that holds zeros only is left for the log", bd->name,
        (unsigned long long)(AREA_LEAST / KIB));
}

/* ---- writing ---- */

static int write_block(struct area *area, const void *what, size_t n, uint64_t start, struct err *e)
{
    char block[AREA_BLOCK] = {0};

    memcpy(block, what, n);
    if (blockdev_pwrite(area->bd, block, sizeof(block), start, e) < 0 ||
        blockdev_flush(area->bd, e) < 0)
        return err_wrap(e, "writing the log");
    return 0;
}

/* ---- the counter ---- */

/* One that is none has the sequence 0. */
static int read_counter_block(struct area *area, uint64_t i, struct area_counter_block *counter,
                              struct err *e)
{
    if (blockdev_pread(area->bd, counter, sizeof(*counter), counter_start(area, i), e) < 0)
        return err_wrap(e, "reading how far the work is");
    if (memcmp(counter->magic, AREA_COUNT_MAGIC, sizeof(counter->magic)) != 0 ||
        counter->crc != area_counter_crc(counter) || counter->turn % 2 != i)
        *counter = (struct area_counter_block){0};
    return 0;
}

/* The counter of the current document that counts; its turn is 0 when there is none yet. */
static int read_counter(struct area *area, struct area_counter_block *best, struct err *e)
{
    *best = (struct area_counter_block){.sequence = area->sequence};
    if (area->sequence == 0)
        return err_set(e, ERR_FAILED, "%s: a counter without a log", area->bd->name);
    for (uint64_t i = 0; i < 2; i++) {
        struct area_counter_block read;

        if (read_counter_block(area, i, &read, e) < 0)
            return -1;
        if (read.sequence == area->sequence && read.turn > best->turn)
            *best = read;
    }
    return 0;
}

/* In the block that the one before does not have. */
static int write_counter(struct area *area, struct area_counter_block *counter, struct err *e)
{
    memcpy(counter->magic, AREA_COUNT_MAGIC, sizeof(counter->magic));
    counter->turn++;
    counter->crc = area_counter_crc(counter);
    return write_block(area, counter, sizeof(*counter), counter_start(area, counter->turn), e);
}

int area_counter(struct area *area, uint64_t *value, struct err *e)
{
    struct area_counter_block counter;

    if (read_counter(area, &counter, e) < 0)
        return -1;
    *value = counter.value;
    return 0;
}

int area_count(struct area *area, uint64_t value, struct err *e)
{
    struct area_counter_block counter;

    if (read_counter(area, &counter, e) < 0)
        return -1;
    counter.value = value;
    return write_counter(area, &counter, e);
}

/* The next document has none, but where one that was cut short before its head left it. */
static int drop_next_counter(struct area *area, struct err *e)
{
    static const struct area_counter_block none;
    struct area_counter_block read;

    for (uint64_t i = 0; i < 2; i++)
        if (read_counter_block(area, i, &read, e) < 0 ||
            (read.sequence > area->sequence &&
             write_block(area, &none, sizeof(none), counter_start(area, i), e) < 0))
            return -1;
    return 0;
}

/* Beside that of the current document, which counts until the next one has its head. */
static int pass_counter_on(struct area *area, struct err *e)
{
    struct area_counter_block counter;

    if (read_counter(area, &counter, e) < 0)
        return -1;
    counter.sequence++;
    return counter.turn == 0 ? 0 : write_counter(area, &counter, e);
}

/* ---- documents ---- */

static int write_head(struct area *area, uint64_t sequence, const void *document, size_t n,
                      struct err *e)
{
    struct area_head head = {
        .magic = AREA_HEAD_MAGIC,
        .version = AREA_VERSION,
        .sequence = sequence,
        .start = area->range.start,
        .bytes = area->range.bytes,
        .slot = area->slot,
        .document_bytes = n,
        .document_crc = n == 0 ? 0 : area_crc(document, n),
    };
    uint8_t boot_record[AREA_BOOT_RECORD];

    if (blockdev_pread(area->bd, boot_record, sizeof(boot_record), 0, e) < 0)
        return err_wrap(e, "writing the log");
    head.tag = area_tag(boot_record, area->bd->sector);
    head.crc = area_head_crc(&head);
    return write_block(area, &head, sizeof(head), head_start(area, sequence), e);
}

/* Overwriting the document of a head that counts would damage it: somebody else wrote one, or the
 * flush of ours failed and it got to the disk all the same. */
static int check_not_newer(struct area *area, struct err *e)
{
    uint64_t next = area->sequence + 1;
    struct area_head head;

    if (blockdev_pread(area->bd, &head, sizeof(head), head_start(area, next), e) < 0)
        return err_wrap(e, "reading the log");
    if (area_head_is_whole(&head, next % 2) && head.sequence >= next)
        return err_set(e, ERR_IN_USE, "%s: its log was written by somebody else meanwhile",
                       area->bd->name);
    return 0;
}

/* A place that held nothing first gets a head without a document, so that a power cut behind the
 * first bytes of a document does not make it look like somebody's data. */
static int take_place(struct area *area, struct err *e)
{
    if (area->sequence != 0)
        return 0;
    if (write_head(area, 1, NULL, 0, e) < 0)
        return -1;
    area->sequence = 1;
    return 0;
}

static int write_document(struct area *area, const void *document, size_t bytes, bool goes_on,
                          struct err *e)
{
    _cleanup_free_ char *copy = malloc(bytes + 1);
    uint64_t sequence;

    if (copy == NULL)
        return err_no_memory(e);
    if (bytes == 0 || bytes > area->slot)
        return err_set(e, ERR_NO_SPACE, "the log of %zu bytes does not fit in its %llu", bytes,
                       (unsigned long long)area->slot);
    memcpy(copy, document, bytes);
    copy[bytes] = '\0';
    if (check_not_newer(area, e) < 0 || take_place(area, e) < 0 || drop_next_counter(area, e) < 0 ||
        (goes_on && pass_counter_on(area, e) < 0))
        return -1;
    sequence = area->sequence + 1;
    if (blockdev_pwrite(area->bd, copy, bytes, slot_start(area, sequence), e) < 0 ||
        blockdev_flush(area->bd, e) < 0)
        return err_wrap(e, "writing the log");
    if (write_head(area, sequence, copy, bytes, e) < 0)
        return -1;
    free(area->document);
    area->document = steal(copy);
    area->bytes = bytes;
    area->sequence = sequence;
    area->damaged = false;
    return 0;
}

int area_write(struct area *area, const void *document, size_t bytes, struct err *e)
{
    return write_document(area, document, bytes, false, e);
}

int area_rewrite(struct area *area, const void *document, size_t bytes, struct err *e)
{
    return write_document(area, document, bytes, true, e);
}

void area_clear(struct area *area)
{
    free(area->document);
    *area = (struct area){0};
}
