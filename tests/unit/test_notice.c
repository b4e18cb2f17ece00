// SPDX-License-Identifier: GPL-3.0-or-later
/* A device that notices whether it is changed. */
#include "block/blockdev.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BYTES 65536

struct world {
    struct blockdev *below, *top;
    bool changed;
};

static int set_up(void **state)
{
    static struct world w;
    struct err e;

    w = (struct world){.below = mem_open(BYTES, 512, &e)};
    assert_non_null(w.below);
    w.top = notice_open(w.below, &w.changed, &e);
    assert_non_null(w.top);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    blockdev_close(w->top);
    blockdev_close(w->below);
    return 0;
}

static void reading_and_flushing_change_nothing(void **state)
{
    struct world *w = *state;
    char buf[512];
    struct err e;

    assert_int_equal(blockdev_pread(w->top, buf, sizeof(buf), 0, &e), 0);
    assert_int_equal(blockdev_flush(w->top, &e), 0);
    assert_false(w->changed);
}

static void a_write_is_noticed_and_passed_on(void **state)
{
    struct world *w = *state;
    char buf[512];
    struct err e;

    memset(buf, 'x', sizeof(buf));
    assert_int_equal(blockdev_pwrite(w->top, buf, sizeof(buf), 1024, &e), 0);
    assert_true(w->changed);
    memset(buf, 0, sizeof(buf));
    assert_int_equal(blockdev_pread(w->below, buf, sizeof(buf), 1024, &e), 0);
    assert_int_equal(buf[511], 'x');
}

static void zeroing_is_noticed(void **state)
{
    struct world *w = *state;
    struct err e;

    assert_int_equal(blockdev_zero(w->top, 0, 4096, &e), 0);
    assert_true(w->changed);
}

static void discarding_is_noticed(void **state)
{
    struct world *w = *state;
    struct err e;

    assert_int_equal(blockdev_discard(w->top, 0, 4096, &e), 0);
    assert_true(w->changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reading_and_flushing_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_is_noticed_and_passed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(zeroing_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(discarding_is_noticed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
