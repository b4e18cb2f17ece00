// SPDX-License-Identifier: GPL-3.0-or-later
/* test_redo.c: an overlay's changes come to the disk wholly or not at all, wherever power is cut.
 */
#include "block/area.h"
#include "block/redo.h"
#include "core/size.h"
#include "recorder.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DISK  (1 * MIB)
#define AT    (64 * KIB) /* where the partition begins */
#define PART  (256 * KIB + 1536)
#define BLOCK UINT64_C(4096)
#define FREE                                                                                       \
    UINT64_C(20) /* every block of the partition whose number divides by it holds nothing */

static const struct extent gap = {512 * KIB, 512 * KIB};

/* A disk with a partition, an overlay over it, and an area. */
struct fixture {
    struct recorder *disk;
    struct blockdev *part, *overlay;
    struct area area;
    uint8_t old[PART], next[PART];
    struct redo redo;
    uint64_t head;
};

#define HEAD (AT + BLOCK)

static bool is_free(void *arg, struct extent range)
{
    (void)arg;
    return range.start / BLOCK % FREE == 0 && range.bytes <= BLOCK;
}

/* What differs from the partition. */
static int next_change(struct blockdev *overlay, uint64_t offset, struct extent *change,
                       struct err *e)
{
    const struct fixture *f = (const struct fixture *)(const void *)overlay->name;

    (void)e;
    for (uint64_t at = offset - offset % BLOCK; at < PART; at += BLOCK) {
        uint64_t n = PART - at < BLOCK ? PART - at : BLOCK;

        if (memcmp(f->old + at, f->next + at, n) == 0)
            continue;
        *change = (struct extent){at < offset ? offset : at, at < offset ? n - (offset - at) : n};
        return 0;
    }
    *change = (struct extent){offset, 0};
    return 0;
}

static void change(struct fixture *f, uint64_t offset, size_t n, int byte)
{
    struct err e = {0};

    for (size_t i = 0; i < n; i++)
        f->next[offset + i] = (uint8_t)(byte == 0 ? 0 : random());
    assert_int_equal(blockdev_pwrite(f->overlay, f->next + offset, n, offset, &e), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    uint8_t *content = calloc(1, DISK);
    struct err e = {0};

    f->head = REDO_NO_HEAD;
    srandom(5);
    for (size_t i = 0; i < gap.start; i++)
        content[i] = (uint8_t)random();
    memcpy(f->old, content + AT, PART);
    memcpy(f->next, f->old, PART);
    f->disk = recorder_open(content, DISK);
    free(content);
    f->part = slice_open(&f->disk->bd, (struct extent){AT, PART}, &e);
    f->overlay = overlay_open(f->part, "/tmp", &e);
    f->overlay->name = (const char *)f; /* how next_change finds the fixture */
    assert_int_equal(area_choose(&f->disk->bd, &gap, 1, &f->area, &e), 0);
    assert_int_equal(area_write(&f->area, "nothing", 7, &e), 0);
    recorder_forget(f->disk);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    blockdev_close(f->overlay);
    blockdev_close(f->part);
    blockdev_close(&f->disk->bd);
    area_clear(&f->area);
    free(f);
    return 0;
}

/* Scattered blocks, a long range, zeros, and the short block at the end. */
static void change_many(struct fixture *f)
{
    for (uint64_t block = 3; block < 30; block += 4)
        change(f, block * BLOCK + 100, 300, 1);
    change(f, 38 * BLOCK, 6 * BLOCK, 1);
    change(f, 50 * BLOCK, 4 * BLOCK, 0);
    change(f, PART - 700, 700, 1);
}

static struct redo_change change_in(struct fixture *f, const struct extent *room, size_t n)
{
    return (struct redo_change){
        .disk = &f->disk->bd,
        .at = AT,
        .overlay = f->overlay,
        .next_change = next_change,
        .is_free = is_free,
        .journal = &f->disk->bd,
        .room = room,
        .n_room = n,
        .head = f->head,
    };
}

static int prepare_in(struct fixture *f, const struct extent *room, size_t n, struct err *e)
{
    struct redo_change what = change_in(f, room, n);

    return redo_prepare(&what, &f->redo, e);
}

static int prepare(struct fixture *f, struct err *e)
{
    return prepare_in(f, &f->area.journal, 1, e);
}

static void assert_partition(const struct recorder *r, const uint8_t *expected)
{
    assert_memory_equal(r->content + AT, expected, PART);
}

static void the_change_arrives_and_nothing_else_changes(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    change_many(f);
    assert_int_equal(prepare(f, &e), 0);
    assert_int_equal(redo_apply(&f->disk->bd, &f->disk->bd, &f->redo, REDO_NO_HEAD, &e), 0);
    assert_partition(f->disk, f->next);
    assert_int_equal(redo_apply(&f->disk->bd, &f->disk->bd, &f->redo, REDO_NO_HEAD, &e), 0);
    assert_partition(f->disk, f->next);
    assert_memory_equal(f->disk->content, f->disk->before, AT);
    assert_memory_equal(f->disk->content + AT + PART, f->disk->before + AT + PART,
                        gap.start - AT - PART);
}

static void the_journal_may_be_split_over_small_ranges(void **state)
{
    struct fixture *f = *state;
    struct extent room[8];
    struct err e = {0};

    for (size_t i = 0; i < 8; i++)
        room[i] = (struct extent){f->area.journal.start + i * 5 * BLOCK + 100, 4 * BLOCK};
    change_many(f);
    assert_int_equal(prepare_in(f, room, 8, &e), 0);
    assert_int_equal(redo_apply(&f->disk->bd, &f->disk->bd, &f->redo, REDO_NO_HEAD, &e), 0);
    assert_partition(f->disk, f->next);
}

/* A journal on a device of its own is not flushed by what is written to the disk. */
static void each_device_is_flushed_before_the_next_step(void **state)
{
    struct fixture *f = *state;
    struct recorder *journal = recorder_open(NULL, 512 * KIB);
    struct extent room = {0, 512 * KIB};
    struct redo_change what = {&f->disk->bd, AT,           f->overlay, next_change, is_free,
                               NULL,         &journal->bd, &room,      1,           REDO_NO_HEAD};
    struct err e = {0};

    change_many(f);
    assert_int_equal(redo_prepare(&what, &f->redo, &e), 0);
    assert_true(journal->n > 0 && recorder_is_flushed(journal));
    assert_true(f->disk->n > 0 && recorder_is_flushed(f->disk));
    assert_int_equal(redo_apply(&f->disk->bd, &journal->bd, &f->redo, REDO_NO_HEAD, &e), 0);
    assert_true(recorder_is_flushed(f->disk));
    assert_partition(f->disk, f->next);
    blockdev_close(&journal->bd);
}

static void too_little_room_is_refused_before_anything_is_written(void **state)
{
    struct fixture *f = *state;
    struct extent room = {f->area.journal.start, 8 * BLOCK};
    struct err e = {0};

    change_many(f);
    assert_int_equal(prepare_in(f, &room, 1, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_int_equal(f->disk->n, 0);
}

static void it_is_known_whether_there_is_room_and_nothing_is_written(void **state)
{
    struct fixture *f = *state;
    struct extent little = {f->area.journal.start, 8 * BLOCK};
    struct redo_change fits = change_in(f, &f->area.journal, 1),
                       does_not = change_in(f, &little, 1);
    struct err e = {0};

    change_many(f);
    assert_int_equal(redo_check(&fits, &e), 0);
    assert_int_equal(redo_check(&does_not, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_int_equal(f->disk->n, 0);
}

static void room_that_the_change_touches_is_refused(void **state)
{
    struct fixture *f = *state;
    uint64_t touched[] = {AT + 39 * BLOCK, AT + 40 * BLOCK}; /* one journaled, one free */
    struct err e = {0};

    change_many(f);
    for (size_t i = 0; i < 2; i++) {
        struct extent room[] = {f->area.journal, {touched[i], BLOCK}};

        assert_int_equal(prepare_in(f, room, 2, &e), -1);
        assert_int_equal(e.code, ERR_FAILED);
        assert_int_equal(f->disk->n, 0);
    }
}

static void a_change_of_free_blocks_needs_no_journal(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    change(f, 20 * BLOCK, BLOCK, 1);
    assert_int_equal(prepare_in(f, NULL, 0, &e), 0);
    assert_int_equal(f->redo.index.bytes, 0);
    assert_partition(f->disk, f->next);
    assert_int_equal(redo_apply(&f->disk->bd, &f->disk->bd, &f->redo, REDO_NO_HEAD, &e), 0);
}

static void zeros_take_no_room(void **state)
{
    struct fixture *f = *state;
    struct extent room = {f->area.journal.start, BLOCK};
    struct err e = {0};

    change(f, 41 * BLOCK, 15 * BLOCK, 0);
    assert_int_equal(prepare_in(f, &room, 1, &e), 0);
    assert_int_equal(redo_apply(&f->disk->bd, &f->disk->bd, &f->redo, REDO_NO_HEAD, &e), 0);
    assert_partition(f->disk, f->next);
}

static void a_damaged_journal_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    change_many(f);
    assert_int_equal(prepare(f, &e), 0);
    for (int i = 0; i < 300; i++) {
        uint64_t at = f->redo.index.start + (uint64_t)random() % (16 * BLOCK);
        uint8_t was = f->disk->content[at];
        size_t n = f->disk->n;
        int result;

        f->disk->content[at] ^= (uint8_t)(1 + random() % 255);
        result = redo_apply(&f->disk->bd, &f->disk->bd, &f->redo, REDO_NO_HEAD, &e);
        f->disk->content[at] = was;
        if (result < 0) {
            assert_int_equal(e.code, ERR_VERIFY);
            assert_int_equal(f->disk->n, n);
        } else {
            assert_partition(f->disk, f->next); /* it was a byte between the runs */
        }
    }
}

static void an_index_from_nowhere_is_refused(void **state)
{
    struct fixture *f = *state;
    struct redo redos[] = {{{0, UINT64_MAX}, 0},
                           {{UINT64_MAX - 100, 4096}, 0},
                           {{DISK - 100, 4096}, 0},
                           {{0, 31}, 0},
                           {{AT, 64}, 0}};
    struct err e = {0};

    for (size_t i = 0; i < sizeof(redos) / sizeof(redos[0]); i++) {
        assert_int_equal(redo_apply(&f->disk->bd, &f->disk->bd, &redos[i], REDO_NO_HEAD, &e), -1);
        assert_int_equal(e.code, ERR_VERIFY);
    }
    assert_int_equal(f->disk->n, 0);
}

/* ---- power cuts ---- */

/* True when the blocks that held something are the old ones. */
static bool is_old(const struct fixture *f, const uint8_t *part)
{
    for (uint64_t at = 0; at < PART; at += BLOCK)
        if (at / BLOCK % FREE != 0 &&
            memcmp(part + at, f->old + at, PART - at < BLOCK ? PART - at : BLOCK) != 0)
            return false;
    return true;
}

/* What the next start does: 1 when a change was completed. */
static int recover(const struct fixture *f, struct recorder *r)
{
    struct area area;
    struct err e = {0};
    int completed = 0;

    assert_int_equal(area_find(&r->bd, &gap, 1, &area, &e), 1);
    if (strcmp(area.document, "nothing") != 0) {
        assert_string_equal(area.document, "pending");
        assert_int_equal(redo_apply(&r->bd, &r->bd, &f->redo, f->head, &e), 0);
        assert_int_equal(area_write(&area, "nothing", 7, &e), 0);
        completed = 1;
    }
    area_clear(&area);
    return completed;
}

static void is_new_after_the_second_cut(void *arg, uint8_t *content, uint64_t bytes)
{
    const struct fixture *f = arg;
    struct recorder *r = recorder_open(content, bytes);

    recover(f, r);
    assert_partition(r, f->next);
    blockdev_close(&r->bd);
}

static void is_old_or_becomes_new(void *arg, uint8_t *content, uint64_t bytes)
{
    struct fixture *f = arg;
    struct recorder *r = recorder_open(content, bytes);

    if (recover(f, r) == 1) {
        assert_partition(r, f->next);
        if (random() % 16 == 0)
            recorder_cut(r, 2, is_new_after_the_second_cut, f);
    } else if (!is_old(f, r->content + AT)) {
        assert_partition(r, f->next);
    }
    blockdev_close(&r->bd);
}

static void a_cut_anywhere(struct fixture *f)
{
    struct err e = {0};

    change_many(f);
    assert_int_equal(prepare(f, &e), 0);
    assert_int_equal(area_write(&f->area, "pending", 7, &e), 0);
    assert_int_equal(redo_apply(&f->disk->bd, &f->disk->bd, &f->redo, f->head, &e), 0);
    assert_true(recorder_is_flushed(f->disk)); /* a log in a file would be ahead of it */
    assert_int_equal(area_write(&f->area, "nothing", 7, &e), 0);
    assert_true(recorder_cut(f->disk, 60, is_old_or_becomes_new, f) > 300);
}

static void a_cut_anywhere_leaves_the_old_content_or_completes_the_new(void **state)
{
    a_cut_anywhere(*state);
}

static void with_head(struct fixture *f)
{
    f->head = HEAD;
    change(f, BLOCK, BLOCK, 1);
}

/* None of these states is taken for one that somebody else has written. */
static void a_cut_anywhere_is_completed_where_there_is_a_head(void **state)
{
    with_head(*state);
    a_cut_anywhere(*state);
}

static int apply_after_a_write(struct fixture *f, uint64_t block, bool hidden)
{
    struct err e = {0};

    memset(f->disk->content + AT + block * BLOCK + 7, 0x5a, 9);
    if (hidden)
        memset(f->disk->content + HEAD, 0, REDO_HEAD);
    recorder_forget(f->disk);
    if (redo_apply(&f->disk->bd, &f->disk->bd, &f->redo, f->head, &e) == 0)
        return 0;
    assert_int_equal(e.code, ERR_VERIFY);
    assert_int_equal(f->disk->n, 0);
    return -1;
}

static void what_somebody_wrote_meanwhile_is_not_overwritten(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    with_head(f);
    change_many(f);
    assert_int_equal(prepare(f, &e), 0);
    assert_int_equal(apply_after_a_write(f, 43, false), -1); /* in the middle of a long run */
    assert_int_equal(apply_after_a_write(f, 43, true), 0);   /* nobody could: the head was hidden */
    assert_partition(f->disk, f->next);
    assert_int_equal(apply_after_a_write(f, 51, false), -1); /* zeros, after it was done */
}

static void what_is_written_elsewhere_or_to_the_head_does_not_matter(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    with_head(f);
    change_many(f);
    assert_int_equal(prepare(f, &e), 0);
    assert_int_equal(apply_after_a_write(f, 2, false), 0);
    assert_int_equal(apply_after_a_write(f, 1, false), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_change_arrives_and_nothing_else_changes),
        CASE(the_journal_may_be_split_over_small_ranges),
        CASE(each_device_is_flushed_before_the_next_step),
        CASE(too_little_room_is_refused_before_anything_is_written),
        CASE(it_is_known_whether_there_is_room_and_nothing_is_written),
        CASE(room_that_the_change_touches_is_refused),
        CASE(a_change_of_free_blocks_needs_no_journal),
        CASE(zeros_take_no_room),
        CASE(a_damaged_journal_changes_nothing),
        CASE(an_index_from_nowhere_is_refused),
        CASE(a_cut_anywhere_leaves_the_old_content_or_completes_the_new),
        CASE(a_cut_anywhere_is_completed_where_there_is_a_head),
        CASE(what_somebody_wrote_meanwhile_is_not_overwritten),
        CASE(what_is_written_elsewhere_or_to_the_head_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
