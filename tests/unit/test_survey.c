// SPDX-License-Identifier: GPL-3.0-or-later
/* test_survey.c: a partition and its filesystem, of which either may be the larger one. */
#include "core/size.h"
#include "model/survey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct survey_partition holding(uint64_t fs_bytes)
{
    return (struct survey_partition){.range = {10 * MIB, 40 * MIB}, .fs_bytes = fs_bytes};
}

static void a_filesystem_that_is_larger_goes_on_behind_the_end(void **state)
{
    struct survey_partition p = holding(48 * MIB);
    (void)state;

    assert_int_equal(survey_overhang(&p).start, 50 * MIB);
    assert_int_equal(survey_overhang(&p).bytes, 8 * MIB);
    assert_int_equal(survey_rest(&p).bytes, 0);
}

static void behind_one_that_is_smaller_is_a_rest(void **state)
{
    struct survey_partition p = holding(30 * MIB);
    (void)state;

    assert_int_equal(survey_overhang(&p).bytes, 0);
    assert_int_equal(survey_rest(&p).start, 40 * MIB);
    assert_int_equal(survey_rest(&p).bytes, 10 * MIB);
}

static void whole_clusters_and_copies_of_boot_sectors_leave_no_rest(void **state)
{
    struct survey_partition p = holding(40 * MIB - 4096);
    (void)state;

    assert_int_equal(survey_rest(&p).bytes, 0);
}

static void one_that_does_not_say_has_neither(void **state)
{
    struct survey_partition p = holding(0);
    (void)state;

    assert_int_equal(survey_overhang(&p).bytes, 0);
    assert_int_equal(survey_rest(&p).bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filesystem_that_is_larger_goes_on_behind_the_end),
        cmocka_unit_test(behind_one_that_is_smaller_is_a_rest),
        cmocka_unit_test(whole_clusters_and_copies_of_boot_sectors_leave_no_rest),
        cmocka_unit_test(one_that_does_not_say_has_neither),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
