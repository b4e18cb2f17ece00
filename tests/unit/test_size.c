// SPDX-License-Identifier: GPL-3.0-or-later
/* test_size.c: sizes as people write and read them. */
#include "core/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint64_t bytes(const char *text)
{
    struct err e = {0};
    uint64_t value = 0;

    if (size_parse_bytes(text, &value, &e) < 0)
        fail_msg("%s", e.text);
    return value;
}

static void test_suffixes_are_binary_unless_they_end_in_a_bare_b(void **state)
{
    (void)state;
    assert_int_equal(bytes("512"), 512);
    assert_int_equal(bytes("512B"), 512);
    assert_int_equal(bytes("1K"), 1024);
    assert_int_equal(bytes("1KB"), 1000);
    assert_int_equal(bytes("512M"), 512 * MIB);
    assert_int_equal(bytes("512MiB"), 512 * MIB);
    assert_int_equal(bytes("512MB"), 512000000);
    assert_int_equal(bytes("20 GiB"), 20 * GIB);
    assert_int_equal(bytes("1tib"), 1024 * GIB);
}

static void test_fractions_are_exact_to_a_millionth(void **state)
{
    (void)state;
    assert_int_equal(bytes("1.5G"), GIB + 512 * MIB);
    assert_int_equal(bytes("0.5K"), 512);
    assert_int_equal(bytes("1.25MB"), 1250000);
}

static void test_other_text_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "M",
                                        "12X",
                                        "-1",
                                        "+1",
                                        "1.",
                                        ".5",
                                        "1..5",
                                        "1MiBx",
                                        "0x10",
                                        " 1",
                                        "1  M",
                                        "1,5G",
                                        "30%",
                                        "rest",
                                        "0",
                                        "0.1",
                                        "9EiB",
                                        "99999999999999999999"};
    struct err e;
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        e.code = ERR_OK;
        assert_int_equal(size_parse_bytes(wrong[i], &value, &e), -1);
        assert_int_equal(e.code, ERR_SYNTAX);
    }
}

static void test_percentages_are_kept_in_hundredths(void **state)
{
    struct size size;
    struct err e;

    (void)state;
    assert_int_equal(size_parse("30%", &size, &e), 0);
    assert_int_equal(size.kind, SIZE_PERCENT);
    assert_int_equal(size.value, 3000);
    assert_int_equal(size_parse("12.5%", &size, &e), 0);
    assert_int_equal(size.value, 1250);
    assert_int_equal(size_parse("0%", &size, &e), -1);
    assert_int_equal(size_parse("100.01%", &size, &e), -1);
}

static void test_rest_is_a_size(void **state)
{
    struct size size;
    struct err e;

    (void)state;
    assert_int_equal(size_parse("rest", &size, &e), 0);
    assert_int_equal(size.kind, SIZE_REST);
    assert_int_equal(size_parse("Rest", &size, &e), -1);
}

static void test_exact_text_reads_back(void **state)
{
    static const uint64_t values[] = {1, 1000, 1024, 512 * MIB, 12 * GIB, GIB + 512, 3 * GIB / 2};
    char text[SIZE_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_int_equal(bytes(size_exact(values[i], text, sizeof(text))), values[i]);
    assert_string_equal(size_exact(512 * MIB, text, sizeof(text)), "512MiB");
    assert_string_equal(size_exact(1000, text, sizeof(text)), "1000B");
}

static void test_text_for_people_is_rounded(void **state)
{
    char text[SIZE_TEXT];

    (void)state;
    assert_string_equal(size_human(0, text, sizeof(text)), "0 B");
    assert_string_equal(size_human(GIB, text, sizeof(text)), "1 GiB");
    assert_string_equal(size_human(GIB * 3 / 2, text, sizeof(text)), "1.5 GiB");
    assert_string_equal(size_human(MIB - 1, text, sizeof(text)), "1.0 MiB");
}

static void test_printed_sizes_read_back(void **state)
{
    static const char *const texts[] = {"512MiB", "30%", "12.50%", "rest", "1000B"};
    char text[SIZE_TEXT];
    struct size size;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(size_parse(texts[i], &size, &e), 0);
        assert_string_equal(size_print(&size, text, sizeof(text)), texts[i]);
    }
}

static void test_rounding_is_to_multiples(void **state)
{
    (void)state;
    assert_int_equal(round_up(0, MIB), 0);
    assert_int_equal(round_up(1, MIB), MIB);
    assert_int_equal(round_up(MIB, MIB), MIB);
    assert_int_equal(round_down(MIB - 1, MIB), 0);
    assert_int_equal(round_down(2 * MIB + 1, MIB), 2 * MIB);
}

static void test_a_number_is_its_digits_alone(void **state)
{
    static const char *const wrong[] = {"",    "0",          "01",         " 1",
                                        "1 ",  "+1",         "-1",         "1x",
                                        "0x1", "4294967296", "4294967299", "99999999999999999999"};

    (void)state;
    assert_int_equal(number_parse("1"), 1);
    assert_int_equal(number_parse("128"), 128);
    assert_int_equal(number_parse("4294967295"), UINT32_MAX);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(number_parse(wrong[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suffixes_are_binary_unless_they_end_in_a_bare_b),
        cmocka_unit_test(test_fractions_are_exact_to_a_millionth),
        cmocka_unit_test(test_other_text_is_refused),
        cmocka_unit_test(test_percentages_are_kept_in_hundredths),
        cmocka_unit_test(test_rest_is_a_size),
        cmocka_unit_test(test_exact_text_reads_back),
        cmocka_unit_test(test_text_for_people_is_rounded),
        cmocka_unit_test(test_printed_sizes_read_back),
        cmocka_unit_test(test_rounding_is_to_multiples),
        cmocka_unit_test(test_a_number_is_its_digits_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
