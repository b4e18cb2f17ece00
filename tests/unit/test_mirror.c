// SPDX-License-Identifier: GPL-3.0-or-later
/* test_mirror.c: apt's list of index targets becomes source lines for another suite. */
#include "images/image.h"
#include "images/mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct strings lines_from(const char *targets)
{
    char *components[] = {(char *)(uintptr_t) "main", (char *)(uintptr_t) "contrib"};
    struct recipe recipe = {.suite = (char *)(uintptr_t) "trixie", .components = {components, 2}};
    struct strings lines = {0};
    struct err e = {0};

    if (mirror_lines_from(targets, &recipe, &lines, &e) < 0)
        fail_msg("%s", e.text);
    return lines;
}

static void the_recipes_suite_comes_from_the_configured_mirrors(void **state)
{
    struct strings lines =
        lines_from("Debian|Debian|http://mirror/debian/|bookworm\n"
                   "Debian|Debian|http://mirror/debian/|bookworm-updates\n"
                   "Debian|Debian-Security|http://mirror/sec/|bookworm-security\n");

    (void)state;
    assert_int_equal(lines.n, 3);
    assert_string_equal(lines.items[0], "deb http://mirror/debian/ trixie main contrib");
    assert_string_equal(lines.items[1], "deb http://mirror/debian/ trixie-updates main contrib");
    assert_string_equal(lines.items[2], "deb http://mirror/sec/ trixie-security main contrib");
    strings_clear(&lines);
}

static void other_vendors_and_backports_are_no_mirror(void **state)
{
    struct strings lines = lines_from("Vendor|Debian|http://vendor/|bookworm\n"
                                      "Debian|Debian Backports|http://old/|bookworm-backports\n"
                                      "Debian|Debian|http://mirror/|bookworm\n");

    (void)state;
    assert_int_equal(lines.n, 2);
    assert_string_equal(lines.items[0], "deb http://mirror/ trixie main contrib");
    strings_clear(&lines);
}

static void without_a_debian_there_is_no_line(void **state)
{
    struct strings lines = lines_from("Ubuntu|Ubuntu|http://mirror/ubuntu/|noble\n\n|||\nx\n");

    (void)state;
    assert_int_equal(lines.n, 0);
    strings_clear(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recipes_suite_comes_from_the_configured_mirrors),
        cmocka_unit_test(other_vendors_and_backports_are_no_mirror),
        cmocka_unit_test(without_a_debian_there_is_no_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
