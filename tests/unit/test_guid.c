// SPDX-License-Identifier: GPL-3.0-or-later
/* test_guid.c: GUIDs as text and as they lie on a disk. */
#include "core/guid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ESP "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

static struct guid parse(const char *text)
{
    struct guid guid = {0};
    struct err e;

    assert_int_equal(guid_parse(text, &guid, &e), 0);
    return guid;
}

static void test_the_first_three_fields_are_little_endian_on_disk(void **state)
{
    static const uint8_t on_disk[16] = {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                        0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b};
    struct guid guid = parse(ESP);

    (void)state;
    assert_memory_equal(guid.bytes, on_disk, 16);
}

static void test_text_is_printed_in_lower_case(void **state)
{
    struct guid guid = parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
    char text[GUID_TEXT];

    (void)state;
    assert_string_equal(guid_print(&guid, text), ESP);
}

static void test_other_text_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "c12a7328",
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93",
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93bb",
        "c12a7328f81f11d2ba4b00a0c93ec93b",
        "g12a7328-f81f-11d2-ba4b-00a0c93ec93b",
        "{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}",
    };
    struct guid guid;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(guid_parse(wrong[i], &guid, &e), -1);
        assert_int_equal(e.code, ERR_SYNTAX);
    }
}

static void test_new_ones_differ_and_are_of_version_4(void **state)
{
    struct guid a, b;
    struct err e;
    char text[GUID_TEXT];

    (void)state;
    unsetenv("BERTH_SEED");
    assert_int_equal(guid_new(&a, &e), 0);
    assert_int_equal(guid_new(&b, &e), 0);
    assert_false(guid_equal(&a, &b));
    guid_print(&a, text);
    assert_int_equal(text[14], '4');
    assert_non_null(strchr("89ab", text[19]));
}

static void test_a_seed_gives_a_sequence_of_different_ones(void **state)
{
    struct guid a, b;
    struct err e;

    (void)state;
    setenv("BERTH_SEED", "one", 1);
    assert_int_equal(guid_new(&a, &e), 0);
    assert_int_equal(guid_new(&b, &e), 0);
    unsetenv("BERTH_SEED");
    assert_false(guid_equal(&a, &b));
}

static void test_derived_ones_depend_on_parent_and_purpose_only(void **state)
{
    struct guid parent = parse(ESP), other = {0}, a, b, c, d;

    (void)state;
    guid_derive(&parent, "root", &a);
    guid_derive(&parent, "root", &b);
    guid_derive(&parent, "swap", &c);
    guid_derive(&other, "root", &d);
    assert_true(guid_equal(&a, &b));
    assert_false(guid_equal(&a, &c));
    assert_false(guid_equal(&a, &d));
}

static void test_zero_is_found(void **state)
{
    struct guid zero = {0}, esp = parse(ESP);

    (void)state;
    assert_true(guid_is_zero(&zero));
    assert_false(guid_is_zero(&esp));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_three_fields_are_little_endian_on_disk),
        cmocka_unit_test(test_text_is_printed_in_lower_case),
        cmocka_unit_test(test_other_text_is_refused),
        cmocka_unit_test(test_new_ones_differ_and_are_of_version_4),
        cmocka_unit_test(test_a_seed_gives_a_sequence_of_different_ones),
        cmocka_unit_test(test_derived_ones_depend_on_parent_and_purpose_only),
        cmocka_unit_test(test_zero_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
