// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_queue.c: a queue anywhere in a memory that is all the input's. Every segment of a chain lies
 * in memory, and no chain is longer than the longest.
 *
 * The input: four bytes each where table, available and used ring are, one each for the size and
 * whether the event index is used, two each where both sides are in the rings; then the memory.
 */
#include "hypervisor/queue.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY (1U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct memory memory;

struct start {
    uint32_t descriptors, available, used;
    uint8_t size, event;
    uint16_t next_available, next_used;
} __attribute__((packed));

static void check(const struct chain *chain)
{
    if (chain->n_out + chain->n_in > QUEUE_MAX)
        abort();
    for (unsigned i = 0; i < chain->n_out + chain->n_in; i++) {
        const struct segment *segment = &chain->segments[i];
        uint64_t at = (uint64_t)(segment->data - memory.base);

        if (at > MEMORY || segment->bytes > MEMORY - at)
            abort();
    }
}

/* As devices do: a header is taken, a status goes to the end, the rest is filled. */
static void serve(struct queue *queue, struct chain *chain, bool event)
{
    static const uint8_t filling[512] = {0xee};
    uint8_t header[16], *last;
    uint32_t filled = 0;

    check(chain);
    last = chain_take_last(chain);
    if (last != NULL)
        *last = 0;
    if (chain_take(chain, header, sizeof(header)))
        filled = chain_fill(chain, filling, sizeof(filling));
    check(chain);
    if (header[0] == 1)
        queue_unpop(queue);
    queue_push(queue, &memory, chain->head, filled);
    (void)queue_wants_signal(queue, &memory, event);
    (void)queue_rearm(queue, &memory, event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct chain chain;
    struct start start;
    struct queue queue;
    struct err e;

    if (size < sizeof(start) || size - sizeof(start) > MEMORY)
        return 0;
    if (memory.base == NULL && memory_make(&memory, MEMORY, &e) < 0)
        abort();
    memcpy(&start, data, sizeof(start));
    memset(memory.base, 0, 1 << 16);
    memcpy(memory.base, data + sizeof(start), size - sizeof(start));
    queue = (struct queue){.descriptors = start.descriptors,
                           .available = start.available,
                           .used = start.used,
                           .size = start.size < 16 ? (uint16_t)(1 << start.size) : start.size,
                           .next_available = start.next_available,
                           .next_used = start.next_used};
    if (!queue_valid(&queue, &memory))
        return 0;
    for (unsigned i = 0; i < QUEUE_MAX && queue_pop(&queue, &memory, &chain) > 0; i++)
        serve(&queue, &chain, start.event % 2 != 0);
    return 0;
}
