// SPDX-License-Identifier: GPL-3.0-or-later
/* Text for a terminal: what it may not have, and where its lines break. */
#include "cli/text.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int use_utf8(void **state)
{
    (void)state;
    return setenv("LC_ALL", "C.UTF-8", 1);
}

static void wraps(const char *lead, const char *text, size_t width, const char *expected)
{
    char *found = NULL;
    size_t len;
    FILE *out = open_memstream(&found, &len);

    assert_non_null(out);
    text_wrap(out, lead, text, width);
    fclose(out);
    assert_string_equal(found, expected);
    free(found);
}

static void what_fits_stays_on_one_line(void **state)
{
    (void)state;
    wraps("1. ", "one two", 10, "1. one two\n");
    wraps("1. ", "", 10, "1. \n");
    wraps("", "one two three", 0, "one two three\n");
}

static void lines_break_between_words_and_hang(void **state)
{
    (void)state;
    wraps("1. ", "one two three", 9, "1. one\n   two\n   three\n");
    wraps("1. ", "one two three", 10, "1. one two\n   three\n");
}

static void blanks_at_a_break_go_and_others_stay(void **state)
{
    (void)state;
    wraps("", "one  two", 8, "one  two\n");
    wraps("", "one  two", 7, "one\ntwo\n");
}

static void a_word_longer_than_a_line_is_not_cut(void **state)
{
    (void)state;
    wraps("1. ", "abcdefghijkl mn", 8, "1. abcdefghijkl\n   mn\n");
    wraps("a lead that is long ", "one two", 5, "a lead that is long one two\n");
}

static void says_safely(const char *text, const char *expected)
{
    char *safe = text_safe(text);

    assert_string_equal(safe, expected);
    free(safe);
}

static void what_cannot_be_shown_is_one_question_mark_for_each_character(void **state)
{
    (void)state;
    says_safely("a\033[2Jb\xe2\x80\xaez", "a?[2Jb?z");
    says_safely("a\xff\xfe z\xc3", "a?? z?");
    setlocale(LC_CTYPE, "C");
    says_safely("gr\xc3\xb6\xc3\x9f\xe2\x82\xac 1", "gr??? 1");
    setlocale(LC_CTYPE, "C.UTF-8");
}

static void wide_characters_take_two_columns(void **state)
{
    (void)state;
    wraps("", "\u6f22\u5b57 ab", 7, "\u6f22\u5b57 ab\n");
    wraps("", "\u6f22\u5b57 ab", 6, "\u6f22\u5b57\nab\n");
    wraps("", "\u00e4\u00f6 ab", 5, "\u00e4\u00f6 ab\n");
}

static void commands_to_a_terminal_do_not_come_through(void **state)
{
    (void)state;
    wraps("",
          "a\033[31m\xc2\x9b"
          "b\u202ec\xff",
          0, "a?[31m?b?c?\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays_on_one_line),
        cmocka_unit_test(lines_break_between_words_and_hang),
        cmocka_unit_test(blanks_at_a_break_go_and_others_stay),
        cmocka_unit_test(a_word_longer_than_a_line_is_not_cut),
        cmocka_unit_test(what_cannot_be_shown_is_one_question_mark_for_each_character),
        cmocka_unit_test(wide_characters_take_two_columns),
        cmocka_unit_test(commands_to_a_terminal_do_not_come_through),
    };

    return cmocka_run_group_tests(tests, use_utf8, NULL);
}
