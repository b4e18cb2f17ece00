// SPDX-License-Identifier: GPL-3.0-or-later
/* test_view.c: every byte of a view comes from the one device it should. */
#include "core/size.h"
#include "run/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DISK (256 * KIB)

static const struct extent own[] = {{160 * KIB, 8 * KIB + 512}, {32 * KIB, 64 * KIB}};

struct fixture {
    struct blockdev *disk, *private_disk, *view;
    uint8_t disk_model[DISK], private_model[DISK];
};

static bool is_own(uint64_t offset)
{
    for (size_t i = 0; i < 2; i++)
        if (own[i].start <= offset && offset < extent_end(&own[i]))
            return true;
    return false;
}

/* The model's byte at an offset of the view. */
static uint8_t *model_byte(struct fixture *f, uint64_t offset)
{
    return is_own(offset) ? &f->disk_model[offset] : &f->private_model[offset];
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e = {0};

    srandom(11);
    for (size_t i = 0; i < DISK; i++)
        f->disk_model[i] = (uint8_t)random();
    f->disk = mem_open(DISK, 512, &e);
    f->private_disk = mem_open(DISK, 512, &e);
    assert_int_equal(blockdev_pwrite(f->disk, f->disk_model, DISK, 0, &e), 0);
    f->view = view_open(f->disk, f->private_disk, own, 2, &e);
    assert_non_null(f->view);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    blockdev_close(f->view);
    blockdev_close(f->private_disk);
    blockdev_close(f->disk);
    free(f);
    return 0;
}

static void assert_holds(struct blockdev *bd, const uint8_t *expected)
{
    static uint8_t got[DISK];
    struct err e = {0};

    assert_int_equal(blockdev_pread(bd, got, DISK, 0, &e), 0);
    assert_memory_equal(got, expected, DISK);
}

static void own_ranges_read_from_the_disk_and_the_rest_as_zeros(void **state)
{
    struct fixture *f = *state;
    static uint8_t got[DISK];
    struct err e = {0};

    assert_int_equal(blockdev_pread(f->view, got, DISK, 0, &e), 0);
    for (uint64_t i = 0; i < DISK; i++)
        assert_int_equal(got[i], is_own(i) ? f->disk_model[i] : 0);
}

static void random_requests_match_a_model(void **state)
{
    struct fixture *f = *state;
    static uint8_t buf[48 * KIB];
    struct err e = {0};

    for (int round = 0; round < 3000; round++) {
        uint64_t offset = (uint64_t)random() % DISK;
        size_t n = (size_t)random() % sizeof(buf);
        uint8_t fill = round % 3 == 0 ? 0 : (uint8_t)round;

        n = n > DISK - offset ? (size_t)(DISK - offset) : n;
        if (round % 3 == 2) {
            assert_int_equal(blockdev_pread(f->view, buf, n, offset, &e), 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(buf[i], *model_byte(f, offset + i));
            continue;
        }
        for (size_t i = 0; i < n; i++)
            *model_byte(f, offset + i) = fill;
        memset(buf, fill, n);
        assert_int_equal(round % 3 == 0 ? blockdev_zero(f->view, offset, n, &e)
                                        : blockdev_pwrite(f->view, buf, n, offset, &e),
                         0);
    }
    assert_holds(f->disk, f->disk_model);
    assert_holds(f->private_disk, f->private_model);
}

static void discarding_everything_spares_the_rest_of_the_disk(void **state)
{
    struct fixture *f = *state;
    static uint8_t got[DISK];
    struct err e = {0};

    assert_int_equal(blockdev_discard(f->view, 0, DISK, &e), 0);
    assert_int_equal(blockdev_pread(f->disk, got, DISK, 0, &e), 0);
    for (uint64_t i = 0; i < DISK; i++)
        if (!is_own(i))
            assert_int_equal(got[i], f->disk_model[i]);
}

static void next_data_shows_no_data_of_other_partitions(void **state)
{
    struct fixture *f = *state;
    struct extent data = {0};
    struct err e = {0};
    uint64_t seen = 0;

    for (;;) {
        assert_int_equal(blockdev_next_data(f->view, extent_end(&data), &data, &e), 0);
        if (data.bytes == 0)
            break;
        seen += data.bytes;
        assert_true(is_own(data.start) && is_own(extent_end(&data) - 1));
    }
    assert_int_equal(seen, own[0].bytes + own[1].bytes);
}

static void overlapping_or_outlying_partitions_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct extent bad[][2] = {{{0, 8 * KIB}, {4 * KIB, 8 * KIB}},
                                           {{0, 512}, {DISK - 512, 1024}},
                                           {{0, 512}, {UINT64_MAX - 511, 512}},
                                           {{0, 512}, {1024, 0}}};
    struct err e = {0};

    for (size_t i = 0; i < 4; i++)
        assert_null(view_open(f->disk, f->private_disk, bad[i], 2, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_ranges_read_from_the_disk_and_the_rest_as_zeros, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(random_requests_match_a_model, setup, teardown),
        cmocka_unit_test_setup_teardown(discarding_everything_spares_the_rest_of_the_disk, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(next_data_shows_no_data_of_other_partitions, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(overlapping_or_outlying_partitions_are_refused, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
