// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * queue.c: walks descriptor chains. A chain has at most QUEUE_MAX descriptors, the table of an
 * indirect one included, so one that runs in a circle ends.
 */
#include "hypervisor/queue.h"

#include <endian.h>
#include <linux/virtio_ring.h>
#include <string.h>

#define AVAILABLE_BYTES(size) (4 + 2 * (uint64_t)(size) + 2) /* with the event word behind it */
#define USED_BYTES(size)      (4 + 8 * (uint64_t)(size) + 2)

bool queue_valid(const struct queue *queue, const struct memory *memory)
{
    uint16_t size = queue->size;

    return size != 0 && size <= QUEUE_MAX && (size & (size - 1)) == 0 &&
           queue->descriptors % 16 == 0 && queue->available % 2 == 0 && queue->used % 4 == 0 &&
           memory_read_at(memory, queue->descriptors, 16 * (uint64_t)size) != NULL &&
           memory_read_at(memory, queue->available, AVAILABLE_BYTES(size)) != NULL &&
           memory_write_at(memory, queue->used, USED_BYTES(size)) != NULL;
}

/* The 16-bit word at so many bytes in a ring that queue_valid has passed. */
static uint16_t ring_load(const struct memory *memory, uint64_t address)
{
    const uint16_t *word = memory_read_at(memory, address, sizeof(*word));

    return word == NULL ? 0 : le16toh(__atomic_load_n(word, __ATOMIC_ACQUIRE));
}

static void ring_store(const struct memory *memory, uint64_t address, uint16_t value)
{
    uint16_t *word = memory_write_at(memory, address, sizeof(*word));

    if (word != NULL)
        __atomic_store_n(word, htole16(value), __ATOMIC_RELEASE);
}

static uint64_t available_index(const struct queue *queue)
{
    return queue->available + 2;
}

static uint64_t available_entry(const struct queue *queue, uint16_t i)
{
    return queue->available + 4 + 2 * (uint64_t)(i & (queue->size - 1));
}

static uint64_t used_event(const struct queue *queue) /* the guest's: tell me after this one */
{
    return queue->available + 4 + 2 * (uint64_t)queue->size;
}

static uint64_t available_event(const struct queue *queue) /* ours */
{
    return queue->used + 4 + 8 * (uint64_t)queue->size;
}

/* ---- taking ---- */

static bool add_segment(struct chain *chain, const struct memory *memory,
                        const struct vring_desc *d)
{
    bool in = (d->flags & VRING_DESC_F_WRITE) != 0;
    unsigned n = chain->n_out + chain->n_in;
    struct segment *segment = &chain->segments[n];

    if (n == QUEUE_MAX || (!in && chain->n_in > 0)) /* what is given comes first: 2.7.4.2 */
        return false;
    segment->bytes = d->len;
    /* What is to be read is never written to; the type has one pointer for both. */
    segment->data = in ? memory_write_at(memory, d->addr, d->len)
                       : (uint8_t *)(uintptr_t)memory_read_at(memory, d->addr, d->len);
    in ? chain->n_in++ : chain->n_out++;
    return segment->data != NULL;
}

static bool load_descriptor(const struct memory *memory, uint64_t table, uint32_t size, uint16_t i,
                            struct vring_desc *d)
{
    return i < size && memory_get(memory, table + 16 * (uint64_t)i, d, sizeof(*d));
}

/* Follows one table from its descriptor `i`. */
static bool walk_table(struct chain *chain, const struct memory *memory, uint64_t table,
                       uint32_t size, uint16_t i)
{
    struct vring_desc d;

    for (unsigned steps = 0; steps < QUEUE_MAX; steps++) {
        if (!load_descriptor(memory, table, size, i, &d) ||
            (d.flags & VRING_DESC_F_INDIRECT) != 0 || !add_segment(chain, memory, &d))
            return false;
        if ((d.flags & VRING_DESC_F_NEXT) == 0)
            return true;
        i = d.next;
    }
    return false;
}

static bool walk(struct chain *chain, const struct queue *queue, const struct memory *memory)
{
    struct vring_desc first;

    chain->n_out = chain->n_in = 0;
    if (!load_descriptor(memory, queue->descriptors, queue->size, chain->head, &first))
        return false;
    if ((first.flags & VRING_DESC_F_INDIRECT) == 0)
        return walk_table(chain, memory, queue->descriptors, queue->size, chain->head);
    if ((first.flags & VRING_DESC_F_NEXT) != 0 || first.len == 0 ||
        first.len % sizeof(first) != 0 || memory_read_at(memory, first.addr, first.len) == NULL)
        return false;
    return walk_table(chain, memory, first.addr, first.len / (uint32_t)sizeof(first), 0);
}

int queue_peek(const struct queue *queue, const struct memory *memory, uint16_t ahead,
               struct chain *chain)
{
    uint16_t ready = (uint16_t)(ring_load(memory, available_index(queue)) - queue->next_available);
    uint16_t i = (uint16_t)(queue->next_available + ahead);

    if (ready > queue->size)
        return -1;
    if (ready <= ahead)
        return 0;
    chain->head = ring_load(memory, available_entry(queue, i));
    return walk(chain, queue, memory) ? 1 : -1;
}

int queue_pop(struct queue *queue, const struct memory *memory, struct chain *chain)
{
    int got = queue_peek(queue, memory, 0, chain);

    if (got > 0)
        queue->next_available++;
    return got;
}

void queue_unpop(struct queue *queue)
{
    queue->next_available--;
}

/* ---- giving back ---- */

void queue_push(struct queue *queue, const struct memory *memory, uint16_t head, uint32_t bytes)
{
    struct vring_used_elem element = {.id = htole32(head), .len = htole32(bytes)};
    uint64_t slot = queue->next_used & (queue->size - 1);

    (void)memory_put(memory, queue->used + 4 + 8 * slot, &element, sizeof(element));
    ring_store(memory, queue->used + 2, ++queue->next_used);
}

bool queue_wants_signal(struct queue *queue, const struct memory *memory, bool event)
{
    uint16_t before = queue->signalled, now = queue->next_used;

    if (before == now)
        return false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the ring's index before the guest's wish */
    queue->signalled = now;
    if (!event)
        return (ring_load(memory, queue->available) & VRING_AVAIL_F_NO_INTERRUPT) == 0;
    return vring_need_event(ring_load(memory, used_event(queue)), now, before) != 0;
}

bool queue_rearm(struct queue *queue, const struct memory *memory, bool event)
{
    if (event)
        ring_store(memory, available_event(queue), queue->next_available);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* our wish before the guest's index */
    return ring_load(memory, available_index(queue)) != queue->next_available;
}

/* ---- chains ---- */

uint64_t segments_bytes(const struct segment *segments, unsigned n)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < n; i++)
        bytes += segments[i].bytes;
    return bytes;
}

bool chain_take(struct chain *chain, void *data, uint32_t bytes)
{
    uint8_t *to = data;

    for (unsigned i = 0; i < chain->n_out && bytes > 0; i++) {
        struct segment *segment = &chain->segments[i];
        uint32_t run = segment->bytes < bytes ? segment->bytes : bytes;

        if (to != NULL)
            to = mempcpy(to, segment->data, run);
        segment->data += run;
        segment->bytes -= run;
        bytes -= run;
    }
    return bytes == 0;
}

uint8_t *chain_take_last(struct chain *chain)
{
    for (unsigned i = chain->n_in; i > 0; i--) {
        struct segment *segment = &chain_in(chain)[i - 1];

        if (segment->bytes > 0)
            return segment->data + --segment->bytes;
    }
    return NULL;
}

uint32_t chain_fill(struct chain *chain, const void *data, uint32_t bytes)
{
    const uint8_t *from = data;
    uint32_t done = 0;

    for (unsigned i = 0; i < chain->n_in && done < bytes; i++) {
        const struct segment *segment = &chain_in(chain)[i];
        uint32_t run = segment->bytes < bytes - done ? segment->bytes : bytes - done;

        memcpy(segment->data, from + done, run);
        done += run;
    }
    return done;
}
