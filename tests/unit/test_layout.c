// SPDX-License-Identifier: GPL-3.0-or-later
/* The layout: where partitions of given sizes go. */
#include "partition/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct extent blank = {MIB, 100 * MIB};

static struct layout_request fixed(const char *name, uint64_t mib)
{
    return (struct layout_request){.name = name, .size = {SIZE_BYTES, mib * MIB}};
}

static struct layout_request rest(const char *name, uint64_t least)
{
    return (struct layout_request){.name = name, .size = {SIZE_REST, 0}, .least = least};
}

static void assert_placed(const struct layout_request *r, uint64_t start_mib, uint64_t mib)
{
    assert_int_equal(r->placed.start, start_mib * MIB);
    assert_int_equal(r->placed.bytes, mib * MIB);
}

static void requests_follow_each_other_on_a_blank_disk(void **state)
{
    struct layout_request r[] = {fixed("a", 10), fixed("b", 20)};
    struct err e;

    (void)state;
    assert_int_equal(layout_compute(blank, NULL, 0, r, 2, &e), 0);
    assert_placed(&r[0], 1, 10);
    assert_placed(&r[1], 11, 20);
}

static void rest_keeps_its_place_in_the_order(void **state)
{
    struct layout_request r[] = {fixed("a", 10), rest("b", 0), fixed("c", 5)};
    struct err e;

    (void)state;
    assert_int_equal(layout_compute(blank, NULL, 0, r, 3, &e), 0);
    assert_placed(&r[1], 11, 85);
    assert_placed(&r[2], 96, 5);
}

static void a_percentage_is_of_the_usable_disk(void **state)
{
    struct layout_request r[] = {{.name = "a", .size = {SIZE_PERCENT, 3000}}};
    struct err e;

    (void)state;
    assert_int_equal(layout_compute(blank, NULL, 0, r, 1, &e), 0);
    assert_placed(&r[0], 1, 30);
}

static void taken_ranges_stay_free_of_others(void **state)
{
    struct extent taken[] = {{50 * MIB, 10 * MIB}, {5 * MIB, 1 * MIB}};
    struct layout_request r[] = {fixed("a", 30), fixed("b", 30), fixed("c", 4)};
    struct err e;

    (void)state;
    assert_int_equal(layout_compute(blank, taken, 2, r, 3, &e), 0);
    assert_placed(&r[0], 6, 30);
    assert_placed(&r[1], 60, 30);
    assert_placed(&r[2], 1, 4);
}

static void odd_sizes_are_rounded_up(void **state)
{
    struct layout_request r[] = {{.name = "a", .size = {SIZE_BYTES, MIB + 1}}};
    struct err e;

    (void)state;
    assert_int_equal(layout_compute(blank, NULL, 0, r, 1, &e), 0);
    assert_placed(&r[0], 1, 2);
}

static void what_does_not_fit_is_named_with_what_would(void **state)
{
    struct layout_request r[] = {fixed("a", 60), fixed("b", 60)};
    struct err e;

    (void)state;
    assert_int_equal(layout_compute(blank, NULL, 0, r, 2, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_string_equal(e.text,
                        "b needs 60MiB and the largest free range has 40MiB: 20MiB too little");
    assert_string_equal(e.hint, "40MiB would fit, or a disk that is 20MiB larger");
}

static void rest_below_what_the_content_needs_is_refused(void **state)
{
    struct layout_request r[] = {fixed("a", 90), rest("b", 20 * MIB)};
    struct err e;

    (void)state;
    assert_int_equal(layout_compute(blank, NULL, 0, r, 2, &e), -1);
    assert_string_equal(e.text, "b gets 10MiB and needs at least 20MiB");
}

static void random_layouts_never_overlap(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 500; round++) {
        struct extent taken[4];
        struct layout_request r[6];
        struct err e;
        size_t n = (size_t)(1 + rand() % 6), n_taken = (size_t)(rand() % 4);

        for (size_t i = 0; i < n_taken; i++)
            taken[i] = (struct extent){MIB + (uint64_t)(rand() % 60) * MIB + 4096,
                                       (uint64_t)(1 + rand() % 20) * MIB};
        for (size_t i = 0; i < n; i++)
            r[i] = i == 2 ? rest("r", 0) : fixed("f", (uint64_t)(1 + rand() % 15));
        if (layout_compute(blank, taken, n_taken, r, n, &e) < 0)
            continue;
        for (size_t i = 0; i < n; i++) {
            assert_true(extent_contains(&blank, &r[i].placed));
            assert_int_equal(r[i].placed.start % MIB, 0);
            for (size_t k = 0; k < n_taken; k++)
                assert_false(extent_overlaps(&r[i].placed, &taken[k]));
            for (size_t k = 0; k < i; k++)
                assert_false(extent_overlaps(&r[i].placed, &r[k].placed));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_each_other_on_a_blank_disk),
        cmocka_unit_test(rest_keeps_its_place_in_the_order),
        cmocka_unit_test(a_percentage_is_of_the_usable_disk),
        cmocka_unit_test(taken_ranges_stay_free_of_others),
        cmocka_unit_test(odd_sizes_are_rounded_up),
        cmocka_unit_test(what_does_not_fit_is_named_with_what_would),
        cmocka_unit_test(rest_below_what_the_content_needs_is_refused),
        cmocka_unit_test(random_layouts_never_overlap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
