// SPDX-License-Identifier: GPL-3.0-or-later
/* test_release.c: os-release as systems write it, and as they should not. */
#include "os/release.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct release parse(const char *text)
{
    struct release release;
    struct err e;

    assert_int_equal(release_parse(text, strlen(text), &release, &e), 0);
    return release;
}

static void a_debian_says_what_it_is(void **state)
{
    struct release release = parse("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"
                                   "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n");

    (void)state;
    assert_string_equal(release.pretty_name, "Debian GNU/Linux 12 (bookworm)");
    assert_string_equal(release.name, "Debian GNU/Linux");
    assert_string_equal(release.version_id, "12");
    assert_string_equal(release.id, "debian");
    release_free(&release);
}

static void quotes_and_backslashes_are_the_shells(void **state)
{
    struct release release = parse("NAME='a \"b\" \\c'\nID=\"x\\\"y\"\nVERSION_ID=1\\ 2\n");

    (void)state;
    assert_string_equal(release.name, "a \"b\" \\c");
    assert_string_equal(release.id, "x\"y");
    assert_string_equal(release.version_id, "1 2");
    release_free(&release);
}

static void what_is_missing_is_null(void **state)
{
    struct release release = parse("# ID=no\nXID=no\n\nID");

    (void)state;
    assert_null(release.id);
    assert_null(release.pretty_name);
    release_free(&release);
}

static void the_last_assignment_counts(void **state)
{
    struct release release = parse("ID=one\nID=two");

    (void)state;
    assert_string_equal(release.id, "two");
    release_free(&release);
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
    struct release release =
        parse("PRETTY_NAME=\"a\033[2Jb\"\nNAME=\"a\\\033b\302\233c\302\240\"\n");

    (void)state;
    assert_string_equal(release.pretty_name, "a?[2Jb");
    assert_string_equal(release.name, "a?b??c\302\240");
    release_free(&release);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_debian_says_what_it_is),
        cmocka_unit_test(quotes_and_backslashes_are_the_shells),
        cmocka_unit_test(what_is_missing_is_null),
        cmocka_unit_test(the_last_assignment_counts),
        cmocka_unit_test(control_characters_do_not_reach_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
