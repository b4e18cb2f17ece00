// SPDX-License-Identifier: GPL-3.0-or-later
/* What the kernel is told after a table has changed. */
#include "block/kernel_change.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct kernel_partition two[] = {
    {.number = 1, .range = {1 * MIB, 4 * MIB}},
    {.number = 2, .range = {5 * MIB, 4 * MIB}},
};

/* The changes as text: "-2 <1 >1 +3" for delete, shrink, grow, add. */
static const char *changes(const struct kernel_partition *now, size_t n_now,
                           const struct disk_partition *wanted, size_t n_wanted)
{
    static char text[128];
    _cleanup_free_ struct kernel_change *list = NULL;
    struct err e;
    size_t n, at = 0;

    text[0] = '\0';
    assert_int_equal(kernel_changes(now, n_now, wanted, n_wanted, 512, &list, &n, &e), 0);
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(
            text + at, sizeof(text) - at, "%s%c%u", i > 0 ? " " : "", "-<>+"[list[i].op],
            list[i].op == KERNEL_DELETE ? list[i].old->number : list[i].partition.number);
    return text;
}

#define CHANGES(now, ...)                                                                          \
    changes(now, COUNT(now), (const struct disk_partition[]){__VA_ARGS__},                         \
            COUNT(((const struct disk_partition[]){__VA_ARGS__})))

static void what_is_the_same_is_left_alone(void **state)
{
    (void)state;
    assert_string_equal(
        CHANGES(two, {1, {1 * MIB, 4 * MIB}, false}, {2, {5 * MIB, 4 * MIB}, false}), "");
}

static void what_is_gone_is_deleted_before_what_is_new_is_added(void **state)
{
    (void)state;
    assert_string_equal(
        CHANGES(two, {1, {1 * MIB, 4 * MIB}, false}, {3, {5 * MIB, 2 * MIB}, false}), "-2 +3");
}

static void what_grows_waits_for_what_goes(void **state)
{
    (void)state;
    assert_string_equal(CHANGES(two, {1, {1 * MIB, 8 * MIB}, false}), "-2 >1");
}

static void a_new_size_is_a_resize_and_shrinking_comes_first(void **state)
{
    (void)state;
    assert_string_equal(
        CHANGES(two, {1, {1 * MIB, 2 * MIB}, false}, {2, {5 * MIB, 8 * MIB}, false}), "<1 >2");
}

static void a_new_start_is_a_new_partition(void **state)
{
    (void)state;
    assert_string_equal(
        CHANGES(two, {1, {1 * MIB, 4 * MIB}, false}, {2, {6 * MIB, 4 * MIB}, false}), "-2 +2");
}

static void a_new_number_is_a_new_partition_and_known_as_such(void **state)
{
    const struct disk_partition wanted[] = {{1, {1 * MIB, 4 * MIB}, false},
                                            {3, {5 * MIB, 4 * MIB}, false}};
    _cleanup_free_ struct kernel_change *list = NULL;
    struct err e;
    size_t n;

    (void)state;
    assert_int_equal(kernel_changes(two, 2, wanted, 2, 512, &list, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(list[0].op, KERNEL_DELETE);
    assert_int_equal(list[0].partition.number, 3);
    assert_int_equal(list[1].op, KERNEL_ADD);
}

static void of_an_extended_partition_the_kernel_shows_a_kibibyte(void **state)
{
    const struct kernel_partition now[] = {{.number = 2, .range = {5 * MIB, KIB}},
                                           {.number = 5, .range = {6 * MIB, MIB}}};
    const struct kernel_partition none[] = {{.number = 1, .range = {1 * MIB, MIB}}};

    (void)state;
    assert_string_equal(CHANGES(now, {2, {5 * MIB, 20 * MIB}, true}, {5, {6 * MIB, MIB}, false}),
                        "");
    assert_string_equal(CHANGES(none, {1, {1 * MIB, MIB}, false}, {2, {5 * MIB, 20 * MIB}, true}),
                        "+2");
    assert_true(kernel_shows_extended(&now[0], 512));
    assert_false(kernel_shows_extended(&now[1], 512));
}

static void an_extended_partition_is_not_shown_over_a_logical_one(void **state)
{
    const struct kernel_partition now[] = {{.number = 5, .range = {5 * MIB + 512, MIB}}};

    (void)state;
    assert_string_equal(
        CHANGES(now, {2, {5 * MIB, 20 * MIB}, true}, {5, {5 * MIB + 512, MIB}, false}), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_same_is_left_alone),
        cmocka_unit_test(what_is_gone_is_deleted_before_what_is_new_is_added),
        cmocka_unit_test(what_grows_waits_for_what_goes),
        cmocka_unit_test(a_new_size_is_a_resize_and_shrinking_comes_first),
        cmocka_unit_test(a_new_start_is_a_new_partition),
        cmocka_unit_test(a_new_number_is_a_new_partition_and_known_as_such),
        cmocka_unit_test(of_an_extended_partition_the_kernel_shows_a_kibibyte),
        cmocka_unit_test(an_extended_partition_is_not_shown_over_a_logical_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
