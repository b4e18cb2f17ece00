// SPDX-License-Identifier: GPL-3.0-or-later
/* test_area.c: where an area is found and made, and that a power cut leaves a whole document. */
#include "block/area.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "recorder.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DISK (2 * MIB)

static const struct extent gap = {MIB, 512 * KIB};

static struct recorder *new_disk(void)
{
    srandom(11);
    return recorder_open(NULL, DISK);
}

static void write_text(struct area *area, const char *text)
{
    struct err e = {0};

    assert_int_equal(area_write(area, text, strlen(text), &e), 0);
}

static void choose(struct recorder *r, struct area *area)
{
    struct err e = {0};

    assert_int_equal(area_choose(&r->bd, &gap, 1, area, &e), 0);
}

static void a_blank_disk_has_none_and_choosing_one_writes_nothing(void **state)
{
    struct recorder *r = new_disk();
    _cleanup_area_ struct area area;
    struct err e = {0};

    (void)state;
    assert_int_equal(area_find(&r->bd, &gap, 1, &area, &e), 0);
    choose(r, &area);
    assert_int_equal(area.range.start, gap.start);
    assert_int_equal(area.range.bytes, gap.bytes);
    assert_true(area.slot >= 96 * KIB);
    assert_int_equal(area.journal.start, gap.start);
    assert_true(area.journal.bytes + 2 * area.slot < gap.bytes);
    assert_int_equal(r->n, 0);
    blockdev_close(&r->bd);
}

static void the_last_document_is_found_again(void **state)
{
    struct recorder *r = new_disk();
    struct extent places[] = {{4096, 512 * KIB}, gap};
    struct area area;
    struct err e = {0};

    (void)state;
    choose(r, &area);
    for (int i = 0; i < 5; i++) {
        char text[32];

        snprintf(text, sizeof(text), "document %d", i);
        write_text(&area, text);
        area_clear(&area);
        assert_int_equal(area_find(&r->bd, places, 2, &area, &e), 1);
        assert_string_equal(area.document, text);
        assert_int_equal(area.bytes, strlen(text));
    }
    area_clear(&area);
    assert_int_equal(area_choose(&r->bd, places, 2, &area, &e), 0);
    assert_int_equal(area.range.start, gap.start); /* not the first place, which is blank */
    area_clear(&area);
    blockdev_close(&r->bd);
}

static void only_the_end_of_a_place_is_taken_and_only_zeros(void **state)
{
    struct blockdev *bd;
    struct extent places[] = {{1000, 100 * KIB}, {MIB + 512, 400 * KIB}, {GIB, GIB - 1000}};
    _cleanup_area_ struct area area;
    struct err e = {0};
    char byte = 1;

    (void)state;
    bd = mem_open(2 * GIB, 512, &e);
    assert_int_equal(blockdev_pwrite(bd, &byte, 1, 1300 * KIB, &e), 0);
    assert_int_equal(area_choose(bd, places, 3, &area, &e), 0);
    assert_int_equal(area.range.bytes, AREA_MOST);
    assert_int_equal(extent_end(&area.range), 2 * GIB - 4096);
    assert_int_equal(area_choose(bd, places, 2, &area, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    blockdev_close(bd);
}

static void a_head_that_was_copied_elsewhere_is_not_believed(void **state)
{
    struct recorder *r = new_disk();
    struct extent elsewhere = {64 * KIB, gap.bytes};
    _cleanup_area_ struct area area;
    struct err e = {0};

    (void)state;
    choose(r, &area);
    write_text(&area, "text");
    memcpy(r->content + elsewhere.start, r->content + gap.start, gap.bytes);
    area_clear(&area);
    assert_int_equal(area_find(&r->bd, &elsewhere, 1, &area, &e), 0);
    assert_int_equal(area_choose(&r->bd, &elsewhere, 1, &area, &e), -1);
    blockdev_close(&r->bd);
}

static void a_partition_in_front_shortens_the_journal(void **state)
{
    struct recorder *r = new_disk();
    struct extent shorter = {gap.start + 256 * KIB, gap.bytes - 256 * KIB};
    struct extent too_short = {gap.start + 300 * KIB, gap.bytes - 300 * KIB};
    _cleanup_area_ struct area area;
    struct err e = {0};

    (void)state;
    choose(r, &area);
    write_text(&area, "text");
    for (int i = 0; i < 2; i++) {
        area_clear(&area);
        assert_int_equal(area_find(&r->bd, &shorter, 1, &area, &e), 1);
        assert_string_equal(area.document, "text");
        assert_int_equal(area.journal.start, shorter.start);
        write_text(&area, "text");
    }
    area_clear(&area);
    assert_int_equal(area_find(&r->bd, &too_short, 1, &area, &e), 0);
    blockdev_close(&r->bd);
}

static void a_document_that_is_too_large_is_refused(void **state)
{
    struct recorder *r = new_disk();
    _cleanup_area_ struct area area;
    struct err e = {0};
    char *large;

    (void)state;
    choose(r, &area);
    large = calloc(1, area.slot + 1);
    assert_int_equal(area_write(&area, large, area.slot + 1, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_int_equal(r->n, 0);
    assert_int_equal(area_write(&area, large, area.slot, &e), 0);
    free(large);
    blockdev_close(&r->bd);
}

static void a_rotten_document_is_named_and_can_be_replaced(void **state)
{
    struct recorder *r = new_disk();
    struct area area;
    struct err e = {0};

    (void)state;
    choose(r, &area);
    write_text(&area, "old");
    write_text(&area, "rotten");
    area_clear(&area);
    for (uint64_t at = 0; at + 6 < DISK; at++)
        if (memcmp(r->content + at, "rotten", 6) == 0)
            r->content[at] = 'g';
    assert_int_equal(area_find(&r->bd, &gap, 1, &area, &e), 1);
    assert_true(area.damaged);
    assert_null(area.document);
    write_text(&area, "new");
    area_clear(&area);
    assert_int_equal(area_find(&r->bd, &gap, 1, &area, &e), 1);
    assert_false(area.damaged);
    assert_string_equal(area.document, "new");
    area_clear(&area);
    blockdev_close(&r->bd);
}

static void what_somebody_else_wrote_is_not_overwritten(void **state)
{
    struct recorder *r = new_disk();
    _cleanup_area_ struct area mine, theirs;
    struct err e = {0};

    (void)state;
    choose(r, &mine);
    write_text(&mine, "first");
    choose(r, &theirs);
    write_text(&theirs, "theirs");
    assert_int_equal(area_write(&mine, "mine", 4, &e), -1);
    assert_int_equal(e.code, ERR_IN_USE);
    blockdev_close(&r->bd);
}

static void random_bytes_in_a_head_are_no_area_or_a_bounded_one(void **state)
{
    struct recorder *r = new_disk();
    struct area area;
    struct err e = {0};

    (void)state;
    choose(r, &area);
    write_text(&area, "text");
    area_clear(&area);
    for (int i = 0; i < 2000; i++) {
        uint8_t *byte = &r->content[extent_end(&gap) - 8192 + (uint64_t)random() % 80];
        uint8_t was = *byte;

        *byte ^= (uint8_t)(1 << random() % 8);
        assert_true(area_find(&r->bd, &gap, 1, &area, &e) >= 0);
        area_clear(&area);
        *byte = was;
    }
    blockdev_close(&r->bd);
}

/* ---- power cuts ---- */

struct expectation {
    const char *old, *next; /* old NULL: there was none */
};

static void finds_old_or_new(void *arg, uint8_t *content, uint64_t bytes)
{
    const struct expectation *expected = arg;
    struct recorder *r = recorder_open(content, bytes);
    struct area area;
    struct err e = {0};
    int found = area_find(&r->bd, &gap, 1, &area, &e);

    assert_true(found >= 0);
    assert_false(area.damaged);
    if (area.document == NULL)
        assert_null(expected->old);
    else
        assert_true(strcmp(area.document, expected->next) == 0 ||
                    (expected->old != NULL && strcmp(area.document, expected->old) == 0));
    if (found > 0) {
        write_text(&area, "after the cut");
        area_clear(&area);
        assert_int_equal(area_find(&r->bd, &gap, 1, &area, &e), 1);
        assert_string_equal(area.document, "after the cut");
    }
    area_clear(&area);
    blockdev_close(&r->bd);
}

static void a_cut_leaves_the_old_or_the_new_document(void **state)
{
    struct recorder *r = new_disk();
    struct expectation expected = {0};
    struct area area;
    char texts[4][3000];

    (void)state;
    choose(r, &area);
    for (int i = 0; i < 4; i++) {
        memset(texts[i], 'a' + i, sizeof(texts[i]));
        texts[i][2000 + 300 * i] = '\0';
        expected.next = texts[i];
        write_text(&area, texts[i]);
        recorder_cut(r, 40, finds_old_or_new, &expected);
        recorder_forget(r);
        expected.old = texts[i];
    }
    area_clear(&area);
    blockdev_close(&r->bd);
}

static void counter_is_old_or_new(void *arg, uint8_t *content, uint64_t bytes)
{
    uint64_t next = *(uint64_t *)arg, value;
    struct recorder *r = recorder_open(content, bytes);
    _cleanup_area_ struct area area;
    struct err e = {0};

    assert_int_equal(area_find(&r->bd, &gap, 1, &area, &e), 1);
    assert_int_equal(area_counter(&area, &value, &e), 0);
    assert_true(value == next || value + 1 == next);
    assert_int_equal(area_count(&area, next + 1, &e), 0);
    assert_int_equal(area_counter(&area, &value, &e), 0);
    assert_int_equal(value, next + 1);
    blockdev_close(&r->bd);
}

static void a_cut_leaves_the_old_or_the_new_count(void **state)
{
    struct recorder *r = new_disk();
    struct area area;
    struct err e = {0};
    uint64_t value;

    (void)state;
    choose(r, &area);
    write_text(&area, "text");
    for (uint64_t next = 1; next < 6; next++) {
        recorder_forget(r);
        assert_int_equal(area_count(&area, next, &e), 0);
        recorder_cut(r, 20, counter_is_old_or_new, &next);
    }
    write_text(&area, "other text");
    assert_int_equal(area_counter(&area, &value, &e), 0);
    assert_int_equal(value, 0);
    area_clear(&area);
    blockdev_close(&r->bd);
}

/* Either document has the count, and the next one of other work has none. */
static void either_document_has_the_count(void *arg, uint8_t *content, uint64_t bytes)
{
    struct recorder *r = recorder_open(content, bytes);
    _cleanup_area_ struct area area;
    struct err e = {0};
    uint64_t value;

    assert_int_equal(area_find(&r->bd, &gap, 1, &area, &e), 1);
    assert_int_equal(area_counter(&area, &value, &e), 0);
    assert_int_equal(value, *(uint64_t *)arg);
    write_text(&area, "other work");
    assert_int_equal(area_counter(&area, &value, &e), 0);
    assert_int_equal(value, 0);
    blockdev_close(&r->bd);
}

static void a_cut_in_rewriting_a_document_leaves_its_count(void **state)
{
    struct recorder *r = new_disk();
    struct area area;
    struct err e = {0};

    (void)state;
    choose(r, &area);
    write_text(&area, "text");
    for (uint64_t count = 1; count < 4; count++) {
        assert_int_equal(area_count(&area, count, &e), 0);
        recorder_forget(r);
        assert_int_equal(area_rewrite(&area, "text with more", 14, &e), 0);
        recorder_cut(r, 20, either_document_has_the_count, &count);
    }
    area_clear(&area);
    blockdev_close(&r->bd);
}

static void what_an_area_left_is_known_by_a_head_that_lies_where_it_says(void **state)
{
    struct recorder *r = new_disk();
    _cleanup_area_ struct area area;
    uint64_t end = MIB + 512 * KIB, behind;
    char tail[8 * KIB];
    struct err e = {0};

    (void)state;
    choose(r, &area);
    write_text(&area, "one");
    write_text(&area, "two");
    assert_int_equal(area_left(&r->bd, area.journal.start + area.journal.bytes, DISK, &behind, &e),
                     1);
    assert_int_equal(behind, end);
    assert_int_equal(area_left(&r->bd, end - 1, DISK, &behind, &e), 1);
    /* the journal may be anybody's, as may be what is behind, or a copy elsewhere */
    assert_int_equal(area_left(&r->bd, area.journal.start, DISK, &behind, &e), 0);
    assert_int_equal(area_left(&r->bd, end, DISK, &behind, &e), 0);
    assert_int_equal(blockdev_pread(&r->bd, tail, sizeof(tail), end - sizeof(tail), &e), 0);
    assert_int_equal(blockdev_pwrite(&r->bd, tail, sizeof(tail), 512 * KIB, &e), 0);
    assert_int_equal(area_left(&r->bd, 512 * KIB, MIB, &behind, &e), 0);
    /* without a head in the range nobody vouches for it */
    assert_int_equal(area_left(&r->bd, end - 16 * KIB, end - 8 * KIB, &behind, &e), 0);
    blockdev_close(&r->bd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_disk_has_none_and_choosing_one_writes_nothing),
        cmocka_unit_test(the_last_document_is_found_again),
        cmocka_unit_test(only_the_end_of_a_place_is_taken_and_only_zeros),
        cmocka_unit_test(a_head_that_was_copied_elsewhere_is_not_believed),
        cmocka_unit_test(a_partition_in_front_shortens_the_journal),
        cmocka_unit_test(a_document_that_is_too_large_is_refused),
        cmocka_unit_test(a_rotten_document_is_named_and_can_be_replaced),
        cmocka_unit_test(what_somebody_else_wrote_is_not_overwritten),
        cmocka_unit_test(what_an_area_left_is_known_by_a_head_that_lies_where_it_says),
        cmocka_unit_test(random_bytes_in_a_head_are_no_area_or_a_bounded_one),
        cmocka_unit_test(a_cut_leaves_the_old_or_the_new_document),
        cmocka_unit_test(a_cut_leaves_the_old_or_the_new_count),
        cmocka_unit_test(a_cut_in_rewriting_a_document_leaves_its_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
