// SPDX-License-Identifier: GPL-3.0-or-later
/* test_disk_bar.c: the cells that each piece of a disk gets in its picture, and what is drawn. */
#include "cli/disk_bar.h"
#include "core/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t sum(const size_t *cells, size_t n)
{
    size_t all = 0;

    for (size_t i = 0; i < n; i++)
        all += cells[i];
    return all;
}

static void equal_pieces_get_equal_shares(void **state)
{
    const uint64_t bytes[] = {GIB, GIB, GIB, GIB};
    size_t cells[4];

    (void)state;
    assert_int_equal(bar_scale(bytes, 4, 80, cells), 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(cells[i], 20);
}

static void shares_follow_the_sizes(void **state)
{
    const uint64_t bytes[] = {GIB, 3 * GIB};
    size_t cells[2];

    (void)state;
    bar_scale(bytes, 2, 80, cells);
    assert_int_equal(cells[0], 20);
    assert_int_equal(cells[1], 60);
}

static void the_smallest_piece_has_a_cell(void **state)
{
    const uint64_t bytes[] = {MIB, UINT64_C(1) << 62, 512, UINT64_C(1) << 62};
    size_t cells[4];

    (void)state;
    assert_int_equal(bar_scale(bytes, 4, 80, cells), 1);
    assert_int_equal(cells[0], 1);
    assert_int_equal(cells[1], 39);
    assert_int_equal(cells[2], 1);
    assert_int_equal(cells[3], 39);
}

static void every_cell_is_given_away(void **state)
{
    uint64_t bytes[60];
    size_t cells[60];

    (void)state;
    for (size_t n = 1; n <= 60; n++) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = (i * 7919 + 1) * MIB;
        assert_int_equal(bar_scale(bytes, n, 61, cells), 1);
        assert_int_equal(sum(cells, n), 61);
    }
}

static void more_pieces_than_columns_take_more_lines(void **state)
{
    uint64_t bytes[128];
    size_t cells[128];

    (void)state;
    for (size_t i = 0; i < 128; i++)
        bytes[i] = i == 5 ? GIB : MIB;
    assert_int_equal(bar_scale(bytes, 128, 80, cells), 2);
    assert_int_equal(sum(cells, 128), 160);
    for (size_t i = 0; i < 128; i++)
        assert_int_equal(cells[i], i == 5 ? 33 : 1);
}

static void pieces_without_bytes_are_shown_too(void **state)
{
    const uint64_t bytes[] = {0, 0};
    size_t cells[2];

    (void)state;
    assert_int_equal(bar_scale(bytes, 2, 10, cells), 1);
    assert_int_equal(sum(cells, 2), 10);
}

static void nothing_is_no_bar(void **state)
{
    size_t cells[1];

    (void)state;
    assert_int_equal(bar_scale(NULL, 0, 80, cells), 0);
    assert_int_equal(bar_scale((const uint64_t[]){1}, 1, 0, cells), 0);
}

/* A swap partition, a Linux one and a gap, a quarter, a half and a quarter of the disk. */
static char *draw(const struct bar_style *style)
{
    struct survey_partition swap = {.number = 1, .fs = (char *)(uintptr_t) "swap"};
    struct survey_partition root = {.number = 12, .fs = (char *)(uintptr_t) "ext4"};
    struct disk_row rows[] = {{&swap, {MIB, GIB}, false, 0},
                              {&root, {GIB, 2 * GIB}, false, 0},
                              {NULL, {3 * GIB, GIB}, false, 1}};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct err e;

    assert_int_equal(bar_draw(out, rows, 3, style, &e), 0);
    fclose(out);
    return text;
}

static void without_colours_letters_tell_the_content(void **state)
{
    const struct bar_style style = {.width = 16};
    char *text = draw(&style);

    (void)state;
    assert_string_equal(text, "1SSS12LLLLLL....\nL Linux  S swap\n. free\n");
    free(text);
}

static void colours_end_before_the_line_does(void **state)
{
    const struct bar_style style = {.width = 16, .utf8 = true, .color = true};
    char *text = draw(&style), *line = strtok(text, "\n");

    (void)state;
    assert_string_equal(line, "\033[30;43m1   \033[30;42m12      \033[0m\u2591\u2591\u2591\u2591");
    while ((line = strtok(NULL, "\n")) != NULL)
        assert_true(strrchr(line, '\033') == NULL ||
                    strncmp(strrchr(line, '\033'), "\033[0m", 4) == 0);
    free(text);
}

static void a_container_is_not_drawn_beside_its_content(void **state)
{
    struct survey_partition extended = {.number = 2}, logical = {.number = 5};
    struct disk_row rows[] = {{&extended, {0, GIB}, true, 0}, {&logical, {0, GIB}, false, 0}};
    const struct bar_style style = {.width = 8};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct err e;

    (void)state;
    assert_int_equal(bar_draw(out, rows, 2, &style, &e), 0);
    fclose(out);
    assert_true(strncmp(text, "5???????\n", 9) == 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_pieces_get_equal_shares),
        cmocka_unit_test(shares_follow_the_sizes),
        cmocka_unit_test(the_smallest_piece_has_a_cell),
        cmocka_unit_test(every_cell_is_given_away),
        cmocka_unit_test(more_pieces_than_columns_take_more_lines),
        cmocka_unit_test(pieces_without_bytes_are_shown_too),
        cmocka_unit_test(nothing_is_no_bar),
        cmocka_unit_test(without_colours_letters_tell_the_content),
        cmocka_unit_test(colours_end_before_the_line_does),
        cmocka_unit_test(a_container_is_not_drawn_beside_its_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
