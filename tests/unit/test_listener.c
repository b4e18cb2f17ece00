// SPDX-License-Identifier: GPL-3.0-or-later
/* What is kept of what a machine says. */
#include "engine/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void hear(struct listener *l, const char *text)
{
    listener_take(l, text, strlen(text));
}

static void the_last_line_of_berths_counts(void **state)
{
    struct listener l = {0};

    (void)state;
    hear(&l, "noise\r\nberth: one\r\nberth: two\r\n\r\nmore noise: berth: three\r\n");
    assert_string_equal(l.said, "two");
}

static void a_line_may_come_in_pieces(void **state)
{
    struct listener l = {0};

    (void)state;
    hear(&l, "ber");
    hear(&l, "th: all of");
    assert_string_equal(l.said, "");
    hear(&l, " it\n");
    assert_string_equal(l.said, "all of it");
}

static void a_panic_keeps_its_first_reason(void **state)
{
    struct listener l = {0};

    (void)state;
    hear(&l, "[    1.5] Kernel panic - not syncing: no init\r\n"
             "[    1.6] ---[ end Kernel panic - not syncing ]---\n");
    assert_string_equal(l.panic, "Kernel panic - not syncing: no init");
    assert_string_equal(l.said, "");
}

static void what_is_no_text_becomes_spaces(void **state)
{
    struct listener l = {0};

    (void)state;
    hear(&l, "berth: a\x1b[2Jb\n");
    assert_string_equal(l.said, "a [2Jb");
}

static void a_line_without_end_is_cut(void **state)
{
    struct listener l = {0};

    (void)state;
    hear(&l, "berth: ");
    for (int i = 0; i < 3 * LISTENER_LINE; i++)
        hear(&l, "x");
    hear(&l, "\n");
    assert_int_equal(strlen(l.said), LISTENER_LINE - 1 - strlen("berth: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_line_of_berths_counts),
        cmocka_unit_test(a_line_may_come_in_pieces),
        cmocka_unit_test(a_panic_keeps_its_first_reason),
        cmocka_unit_test(what_is_no_text_becomes_spaces),
        cmocka_unit_test(a_line_without_end_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
