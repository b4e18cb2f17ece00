// SPDX-License-Identifier: GPL-3.0-or-later
/* test_disk_log_sign.c: which disk the interrupted work of a journal file is of. */
#include "core/size.h"
#include "log/disk_log_parts.h"
#include "partition/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct extent old_place = {2 * MIB, 4 * MIB}, new_place = {8 * MIB, 4 * MIB};

struct world {
    struct blockdev *disk, *file;
    struct table *table;
    struct area journal;
    struct pending pending; /* of the file */
};

/* A partition at its old place, of which the file says that it moves. */
static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct extent all = {0, MIB};
    struct table_entry entry = {
        .number = 1, .range = old_place, .uuid = {{7}}, .type = partition_type("linux")->guid};
    struct guid uuid = {{5}};
    struct err e;

    w->disk = mem_open(16 * MIB, 512, &e);
    w->file = mem_open(MIB, 512, &e);
    w->table = table_new(w->disk, TABLE_GPT, &uuid, &e);
    assert_int_equal(table_insert(w->table, &entry, &e), 0);
    assert_int_equal(area_choose(w->file, &all, 1, &w->journal, &e), 0);
    assert_int_equal(area_write(&w->journal, "pending", 7, &e), 0);
    w->pending = (struct pending){.op = HISTORY_MOVE,
                                  .stage = PENDING_CONTENT,
                                  .partition = entry.uuid,
                                  .number = 1,
                                  .from = old_place,
                                  .to = new_place,
                                  .both = extent_union(&old_place, &new_place),
                                  .type = entry.type,
                                  .chunk = MIB,
                                  .work = {{1, 2, 3}}};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    area_clear(&w->journal);
    table_free(w->table);
    blockdev_close(w->file);
    blockdev_close(w->disk);
    free(w);
    return 0;
}

/* The disk has a log, with the marker or without, which says that work of that name was given up.
 */
static void write_log_of(struct world *w, const struct pending *marker, struct guid given_up)
{
    struct extent gap = {MIB, MIB};
    struct history *history;
    struct area area;
    struct err e;
    char *text;

    history = history_new(&e);
    if (marker != NULL)
        history->pending = pending_elsewhere(marker, "/where/it/was");
    history->given_up = given_up;
    text = history_print(history, &e);
    assert_int_equal(area_choose(w->disk, &gap, 1, &area, &e), 0);
    assert_int_equal(area_write(&area, text, strlen(text), &e), 0);
    area_clear(&area);
    free(text);
    history_free(history);
}

static void write_log(struct world *w, const struct pending *marker)
{
    write_log_of(w, marker, (struct guid){{0}});
}

/* Whether the work goes on; if not, what is said of it. */
static int check_saying(struct world *w, const char *text, const char *hint)
{
    struct err e = {0};
    int result = log_check_sign("journal", w->disk, w->table, &w->pending, &w->journal, &e);

    if (result < 0) {
        assert_int_equal(e.code, ERR_REFUSED);
        assert_non_null(strstr(e.text, text));
        assert_non_null(strstr(e.hint, hint));
    }
    return result;
}

static int check(struct world *w)
{
    return check_saying(w, "has no sign of that", "--journal journal");
}

static void a_marker_in_the_log_is_the_sign(void **state)
{
    write_log(*state, &((struct world *)*state)->pending);
    assert_int_equal(check(*state), 0);
}

static void the_marker_of_other_work_is_none(void **state)
{
    struct world *w = *state;
    struct pending other = w->pending;

    other.work = (struct guid){{4}};
    write_log(w, &other);
    w->table->entries[0].type = partition_type("moving")->guid;
    assert_int_equal(check(w), -1);
}

static void while_the_work_gets_another_name_both_are_the_sign(void **state)
{
    struct world *w = *state;
    struct pending named = w->pending;

    w->pending.work_next = (struct guid){{4}};
    write_log(w, &named);
    assert_int_equal(check(w), 0);
    named.work = w->pending.work_next;
    write_log(w, &named);
    assert_int_equal(check(w), 0);
    named.work = (struct guid){{0}};
    write_log(w, &named);
    assert_int_equal(check(w), -1);
}

static void a_marker_of_before_works_had_names_is_the_sign(void **state)
{
    struct world *w = *state;

    w->pending.work = (struct guid){{0}};
    write_log(w, &w->pending);
    assert_int_equal(check(w), 0);
    w->pending.to.start += MIB;
    assert_int_equal(check(w), -1);
}

static void the_type_of_the_partition_is_the_sign(void **state)
{
    struct world *w = *state;

    w->table->entries[0].type = partition_type("moving")->guid;
    assert_int_equal(check(w), 0);
    write_log(w, NULL);
    assert_int_equal(check(w), 0);
}

static void a_partition_that_has_arrived_is_the_sign(void **state)
{
    struct world *w = *state;

    w->table->entries[0].range = new_place;
    assert_int_equal(check(w), 0);
    w->pending.index.bytes = 4096; /* there is something to copy still */
    assert_int_equal(check(w), -1);
}

static void without_a_sign_work_that_has_begun_is_refused(void **state)
{
    struct world *w = *state;
    struct err e;

    assert_int_equal(check(w), -1);
    w->pending.stage = PENDING_MARK;
    assert_int_equal(area_count(&w->journal, 1, &e), 0);
    assert_int_equal(check(w), -1);
}

static void work_that_has_changed_nothing_begins_on_a_disk_without_a_log(void **state)
{
    struct world *w = *state;

    w->pending.stage = PENDING_MARK;
    assert_int_equal(check(w), 0);
}

static void a_log_has_the_marker_before_the_file_says_anything(void **state)
{
    struct world *w = *state;

    w->pending.stage = PENDING_MARK;
    write_log(w, NULL);
    assert_int_equal(check(w), -1);
}

static void what_was_given_up_is_told_from_a_copy(void **state)
{
    struct world *w = *state;

    write_log_of(w, NULL, w->pending.work);
    w->table->entries[0].type = partition_type("moving")->guid; /* by work with another file */
    assert_int_equal(check_saying(w, "is no longer on", "delete the file"), -1);
}

static void a_partition_that_is_elsewhere_is_another_one(void **state)
{
    struct world *w = *state;

    w->table->entries[0].range.bytes += MIB;
    assert_int_equal(check_saying(w, "is no longer on", "delete the file"), -1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_marker_in_the_log_is_the_sign),
        TEST(the_marker_of_other_work_is_none),
        TEST(while_the_work_gets_another_name_both_are_the_sign),
        TEST(a_marker_of_before_works_had_names_is_the_sign),
        TEST(the_type_of_the_partition_is_the_sign),
        TEST(a_partition_that_has_arrived_is_the_sign),
        TEST(without_a_sign_work_that_has_begun_is_refused),
        TEST(work_that_has_changed_nothing_begins_on_a_disk_without_a_log),
        TEST(a_log_has_the_marker_before_the_file_says_anything),
        TEST(what_was_given_up_is_told_from_a_copy),
        TEST(a_partition_that_is_elsewhere_is_another_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
