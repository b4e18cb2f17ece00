// SPDX-License-Identifier: GPL-3.0-or-later
/* test_shell.c: words for a shell. */
#include "core/shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_a_word_that_is_one_stays_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(shell_quote("/dev/disk/by-id/x_1:2@3%4+5,6.img").text,
                        "/dev/disk/by-id/x_1:2@3%4+5,6.img");
    assert_string_equal(shell_quote("\u00fcber.img").text, "\u00fcber.img");
}

static void test_what_a_shell_takes_for_more_is_quoted(void **state)
{
    static const char special[] = " \t\n|&;<>()$`\\\"*?[]#~={}!^";
    (void)state;

    assert_string_equal(shell_quote("my disk.img").text, "'my disk.img'");
    assert_string_equal(shell_quote("").text, "''");
    for (const char *c = special; *c != '\0'; c++) {
        char text[] = {*c, 'x', '\0'}, quoted[] = {'\'', *c, 'x', '\'', '\0'};

        assert_string_equal(shell_quote(text).text, quoted);
    }
}

static void test_a_quote_ends_the_quoting_and_begins_it_again(void **state)
{
    (void)state;
    assert_string_equal(shell_quote("it's").text, "'it'\\''s'");
    assert_string_equal(shell_quote("'").text, "''\\'''");
}

static void test_what_is_too_long_is_never_half_quoted(void **state)
{
    char text[sizeof(struct shell_word) + 1];
    (void)state;

    for (size_t len = sizeof(struct shell_word) - 8; len < sizeof(text); len++) {
        memset(text, ' ', len);
        text[len] = '\0';
        struct shell_word word = shell_quote(text);

        if (len + 2 < sizeof(word.text))
            assert_int_equal(strlen(word.text), len + 2);
        else
            assert_string_equal(word.text, "...");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_word_that_is_one_stays_as_it_is),
        cmocka_unit_test(test_what_a_shell_takes_for_more_is_quoted),
        cmocka_unit_test(test_a_quote_ends_the_quoting_and_begins_it_again),
        cmocka_unit_test(test_what_is_too_long_is_never_half_quoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
