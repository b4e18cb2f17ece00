// SPDX-License-Identifier: GPL-3.0-or-later
/* A virtqueue whose guest is friendly, careless, or hostile. */
#include "hypervisor/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY    (4 << 20)
#define SIZE      16
#define TABLE     0x1000
#define AVAILABLE 0x2000
#define USED      0x3000
#define DATA      0x100000
#define ELSEWHERE 0x7fffffff0000ULL

struct world {
    struct memory memory;
    struct queue queue;
    struct chain chain;
    struct vring_desc *table;
    struct vring_avail *available;
    struct vring_used *used;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct err e;

    assert_int_equal(memory_make(&w->memory, MEMORY, &e), 0);
    w->queue = (struct queue){
        .descriptors = TABLE, .available = AVAILABLE, .used = USED, .size = SIZE, .enabled = true};
    w->table = memory_write_at(&w->memory, TABLE, SIZE * sizeof(*w->table));
    w->available = memory_write_at(&w->memory, AVAILABLE, 4 + 2 * SIZE + 2);
    w->used = memory_write_at(&w->memory, USED, 4 + 8 * SIZE + 2);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    munmap(w->memory.base, MEMORY);
    free(w);
    return 0;
}

static void describe(struct world *w, unsigned i, uint64_t at, uint32_t bytes, unsigned flags,
                     unsigned next)
{
    w->table[i] = (struct vring_desc){at, bytes, (uint16_t)flags, (uint16_t)next};
}

static void offer(struct world *w, uint16_t head)
{
    w->available->ring[w->available->idx++ % SIZE] = head;
}

static int pop(struct world *w)
{
    return queue_pop(&w->queue, &w->memory, &w->chain);
}

static void a_request_is_taken_and_given_back(void **state)
{
    struct world *w = *state;

    assert_true(queue_valid(&w->queue, &w->memory));
    assert_int_equal(pop(w), 0);
    describe(w, 3, DATA, 100, VRING_DESC_F_NEXT, 7);
    describe(w, 7, DATA + 0x1000, 200, VRING_DESC_F_WRITE, 0);
    offer(w, 3);
    assert_int_equal(pop(w), 1);
    assert_int_equal(w->chain.head, 3);
    assert_int_equal(w->chain.n_out, 1);
    assert_int_equal(w->chain.n_in, 1);
    assert_int_equal(chain_in(&w->chain)->bytes, 200);
    assert_ptr_equal(chain_in(&w->chain)->data, w->memory.base + DATA + 0x1000);
    queue_push(&w->queue, &w->memory, 3, 150);
    assert_int_equal(w->used->idx, 1);
    assert_int_equal(w->used->ring[0].id, 3);
    assert_int_equal(w->used->ring[0].len, 150);
    assert_int_equal(pop(w), 0);
}

static void a_request_put_back_comes_again(void **state)
{
    struct world *w = *state;

    describe(w, 1, DATA, 8, 0, 0);
    offer(w, 1);
    assert_int_equal(pop(w), 1);
    queue_unpop(&w->queue);
    assert_int_equal(pop(w), 1);
    assert_int_equal(pop(w), 0);
}

static void the_rings_go_round(void **state)
{
    struct world *w = *state;

    w->queue.next_available = w->available->idx = 65530;
    w->queue.next_used = w->queue.signalled = w->used->idx = 65530;
    for (unsigned i = 0; i < 100; i++) {
        describe(w, i % SIZE, DATA + i, 1, 0, 0);
        offer(w, (uint16_t)(i % SIZE));
        assert_int_equal(pop(w), 1);
        assert_int_equal(w->chain.head, i % SIZE);
        queue_push(&w->queue, &w->memory, w->chain.head, 0);
    }
    assert_int_equal(w->used->idx, (uint16_t)(65530 + 100));
}

static void an_indirect_table_is_followed(void **state)
{
    struct world *w = *state;
    struct vring_desc *inner = memory_write_at(&w->memory, DATA, 3 * sizeof(*inner));

    inner[0] = (struct vring_desc){DATA + 0x1000, 16, VRING_DESC_F_NEXT, 2};
    inner[2] = (struct vring_desc){DATA + 0x2000, 512, VRING_DESC_F_WRITE, 0};
    describe(w, 0, DATA, 3 * sizeof(*inner), VRING_DESC_F_INDIRECT, 0);
    offer(w, 0);
    assert_int_equal(pop(w), 1);
    assert_int_equal(w->chain.n_out, 1);
    assert_int_equal(w->chain.n_in, 1);
    inner[0].next = 3; /* behind the end */
    offer(w, 0);
    assert_int_equal(pop(w), -1);
    inner[0].next = 2;
    inner[2].flags = VRING_DESC_F_INDIRECT; /* a table in a table */
    assert_int_equal(pop(w), -1);
}

static void circles_end(void **state)
{
    struct world *w = *state;

    describe(w, 0, DATA, 8, VRING_DESC_F_NEXT, 1);
    describe(w, 1, DATA, 8, VRING_DESC_F_NEXT, 0);
    offer(w, 0);
    assert_int_equal(pop(w), -1);
}

static void what_is_no_memory_breaks_the_queue(void **state)
{
    static const struct {
        uint64_t at;
        uint32_t bytes;
    } bad[] = {{MEMORY, 1},     {MEMORY - 8, 9}, {ELSEWHERE, 8}, {UINT64_MAX, 2},
               {UINT64_MAX, 1}, {0, UINT32_MAX}, {0xc0000000, 4}};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        describe(w, 0, bad[i].at, bad[i].bytes, VRING_DESC_F_WRITE, 0);
        w->queue.next_available = w->available->idx;
        offer(w, 0);
        assert_int_equal(pop(w), -1);
    }
}

static void broken_rules_are_seen(void **state)
{
    struct world *w = *state;

    describe(w, 0, DATA, 8, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
    describe(w, 1, DATA, 8, 0, 0); /* given behind wanted */
    offer(w, 0);
    assert_int_equal(pop(w), -1);
    w->queue.next_available = w->available->idx;
    offer(w, SIZE); /* no such descriptor */
    assert_int_equal(pop(w), -1);
    w->queue.next_available = w->available->idx;
    w->available->idx = (uint16_t)(w->available->idx + SIZE + 1); /* more than there is room for */
    assert_int_equal(pop(w), -1);
}

static void rings_outside_memory_are_not_enabled(void **state)
{
    struct world *w = *state;
    struct queue q = w->queue;

    q.descriptors = MEMORY - 8;
    assert_false(queue_valid(&q, &w->memory));
    q = w->queue;
    q.used = MEMORY - 100;
    assert_false(queue_valid(&q, &w->memory));
    q = w->queue;
    q.available = UINT64_MAX - 1;
    assert_false(queue_valid(&q, &w->memory));
    q = w->queue;
    q.size = 12;
    assert_false(queue_valid(&q, &w->memory));
    q.size = 0;
    assert_false(queue_valid(&q, &w->memory));
    q.size = 2 * QUEUE_MAX;
    assert_false(queue_valid(&q, &w->memory));
    q = w->queue;
    q.used++;
    assert_false(queue_valid(&q, &w->memory));
}

static void the_guest_is_told_as_it_wishes(void **state)
{
    struct world *w = *state;
    uint16_t *event = &w->available->ring[SIZE];

    assert_false(queue_wants_signal(&w->queue, &w->memory, false));
    queue_push(&w->queue, &w->memory, 0, 0);
    assert_true(queue_wants_signal(&w->queue, &w->memory, false));
    assert_false(queue_wants_signal(&w->queue, &w->memory, false)); /* once is enough */
    w->available->flags = VRING_AVAIL_F_NO_INTERRUPT;
    queue_push(&w->queue, &w->memory, 0, 0);
    assert_false(queue_wants_signal(&w->queue, &w->memory, false));

    *event = 4; /* tell me when number 4 has been used, which is the fifth */
    queue_push(&w->queue, &w->memory, 0, 0);
    queue_push(&w->queue, &w->memory, 0, 0);
    assert_false(queue_wants_signal(&w->queue, &w->memory, true));
    queue_push(&w->queue, &w->memory, 0, 0);
    assert_true(queue_wants_signal(&w->queue, &w->memory, true));
    queue_push(&w->queue, &w->memory, 0, 0);
    assert_false(queue_wants_signal(&w->queue, &w->memory, true));
}

static void a_request_that_comes_while_rearming_is_noticed(void **state)
{
    struct world *w = *state;
    const uint16_t *event = (const uint16_t *)&w->used->ring[SIZE];

    assert_false(queue_rearm(&w->queue, &w->memory, true));
    assert_int_equal(*event, w->queue.next_available);
    offer(w, 0);
    assert_true(queue_rearm(&w->queue, &w->memory, true));
}

static void chains_are_cut_from_both_ends(void **state)
{
    struct world *w = *state;
    char head[6], all[20];

    memcpy(w->memory.base + DATA, "abcdefgh", 8);
    describe(w, 0, DATA, 4, VRING_DESC_F_NEXT, 1);
    describe(w, 1, DATA + 4, 4, VRING_DESC_F_NEXT, 2);
    describe(w, 2, DATA + 0x100, 3, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 3);
    describe(w, 3, DATA + 0x200, 1, VRING_DESC_F_WRITE, 0);
    offer(w, 0);
    assert_int_equal(pop(w), 1);
    assert_true(chain_take(&w->chain, head, 6));
    assert_memory_equal(head, "abcdef", 6);
    assert_int_equal(segments_bytes(chain_out(&w->chain), w->chain.n_out), 2);
    assert_false(chain_take(&w->chain, all, 3));
    assert_ptr_equal(chain_take_last(&w->chain), w->memory.base + DATA + 0x200);
    assert_ptr_equal(chain_take_last(&w->chain), w->memory.base + DATA + 0x102);
    assert_int_equal(chain_fill(&w->chain, "xyz", 3), 2); /* two bytes are left */
    assert_memory_equal(w->memory.base + DATA + 0x100, "xy\0", 3);
}

static void what_is_written_is_dirty(void **state)
{
    struct world *w = *state;
    struct err e;

    assert_int_equal(memory_track(&w->memory, &e), 0);
    describe(w, 0, DATA, 8, VRING_DESC_F_NEXT, 1);
    describe(w, 1, DATA + 0x5ff0, 0x20, VRING_DESC_F_WRITE, 0);
    offer(w, 0);
    assert_int_equal(pop(w), 1);
    assert_int_equal(w->memory.dirty[DATA / 4096 / 64], 3ULL << (DATA / 4096 + 5) % 64);
    free(w->memory.dirty);
}

/* Whatever is in the rings: it ends, and no segment is outside. */
static void noise_is_survived(void **state)
{
    struct world *w = *state;

    srandom(1);
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < SIZE; i++)
            describe(w, i, (uint64_t)random() % (MEMORY + 8192), (uint32_t)random() % 9000,
                     (unsigned)random() & 7, (unsigned)random() % (SIZE + 1));
        w->queue.next_available = w->available->idx;
        offer(w, (uint16_t)(random() % (SIZE + 1)));
        if (pop(w) != 1)
            continue;
        for (unsigned i = 0; i < w->chain.n_out + w->chain.n_in; i++) {
            const struct segment *s = &w->chain.segments[i];

            assert_true(s->data >= w->memory.base && s->data + s->bytes <= w->memory.base + MEMORY);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_taken_and_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_put_back_comes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rings_go_round, setup, teardown),
        cmocka_unit_test_setup_teardown(an_indirect_table_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(circles_end, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_memory_breaks_the_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_rules_are_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(rings_outside_memory_are_not_enabled, setup, teardown),
        cmocka_unit_test_setup_teardown(the_guest_is_told_as_it_wishes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_that_comes_while_rearming_is_noticed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(chains_are_cut_from_both_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_written_is_dirty, setup, teardown),
        cmocka_unit_test_setup_teardown(noise_is_survived, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
