// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * queue.h: a split virtqueue, seen from the device. Everything in it is the guest's to write, at
 * any moment: each field is read once, checked, and then used.
 *
 * Source: VIRTIO 1.2, 2.7 (split virtqueues), 2.7.5.3 (indirect descriptors), 2.7.7 and 2.7.10
 * (suppression by event index).
 */
#ifndef BERTH_HYPERVISOR_QUEUE_H
#define BERTH_HYPERVISOR_QUEUE_H

#include "hypervisor/memory.h"

#define QUEUE_MAX 256 /* descriptors */

/* What a saved machine keeps of it. */
struct queue {
    uint64_t descriptors, available, used; /* guest addresses */
    uint16_t size;                         /* a power of two, at most QUEUE_MAX */
    uint16_t vector;                       /* of MSI-X */
    uint16_t next_available, next_used;    /* where we are in the rings */
    uint16_t signalled;                    /* next_used when the guest was last told */
    uint8_t enabled;                       /* 0 or 1 */
};

struct segment {
    uint8_t *data; /* in the guest's memory, through the gate */
    uint32_t bytes;
};

/* One request: what the guest gives, then what it wants filled. */
struct chain {
    uint16_t head;
    unsigned n_out, n_in; /* of segments: out is the device's to read */
    struct segment segments[QUEUE_MAX];
};

/* Whether the rings are wholly in memory and aligned: to be asked when the guest enables it. */
bool queue_valid(const struct queue *queue, const struct memory *memory);

/* Takes the next request. Returns 1, 0 when there is none, -1 when the guest broke the rules. */
int queue_pop(struct queue *queue, const struct memory *memory, struct chain *chain);

/* Looks at the request that comes so many after the next one, and takes none. Returns as queue_pop.
 */
int queue_peek(const struct queue *queue, const struct memory *memory, uint16_t ahead,
               struct chain *chain);

/* Puts the last request taken back: it will be popped again. */
void queue_unpop(struct queue *queue);

/* Gives a request back with so many bytes filled. */
void queue_push(struct queue *queue, const struct memory *memory, uint16_t head, uint32_t bytes);

/* Whether the guest wants an interrupt for what was pushed since the last time it was told; with
 * `event`, VIRTIO_F_EVENT_IDX was negotiated. */
bool queue_wants_signal(struct queue *queue, const struct memory *memory, bool event);

/* Asks the guest for a notification of the next request. Returns true when one came in between:
 * look again. */
bool queue_rearm(struct queue *queue, const struct memory *memory, bool event);

/* The segments that are given to the device, and those it fills. */
static inline struct segment *chain_out(struct chain *chain)
{
    return chain->segments;
}

static inline struct segment *chain_in(struct chain *chain)
{
    return chain->segments + chain->n_out;
}

/* The bytes of n segments. */
uint64_t segments_bytes(const struct segment *segments, unsigned n);

/* Takes the first `bytes` of what is given: copies them (data NULL: does not), and they are gone
 * from the chain. False when there are fewer. */
bool chain_take(struct chain *chain, void *data, uint32_t bytes);

/* Takes the last byte to be filled out of the chain; NULL when there is none. */
uint8_t *chain_take_last(struct chain *chain);

/* Fills the chain's first bytes. Returns how many of them there was room for. */
uint32_t chain_fill(struct chain *chain, const void *data, uint32_t bytes);

#endif
