// SPDX-License-Identifier: GPL-3.0-or-later
/* test_overlay.c: the copy-on-write layer against a plain copy in memory. */
#include "block/blockdev.h"
#include "core/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DISK (1 * MIB + 1536) /* not a whole number of blocks */

struct fixture {
    struct blockdev *below, *overlay;
    uint8_t *model;    /* what the overlay should read as */
    uint8_t *original; /* what below should stay */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e = {0};

    f->below = mem_open(DISK, 512, &e);
    f->model = malloc(DISK);
    f->original = malloc(DISK);
    srandom(7);
    for (size_t i = 0; i < DISK; i++)
        f->original[i] = (uint8_t)random();
    memset(f->original + 256 * KIB, 0, 256 * KIB);
    memcpy(f->model, f->original, DISK);
    assert_int_equal(blockdev_pwrite(f->below, f->original, 256 * KIB, 0, &e), 0);
    assert_int_equal(
        blockdev_pwrite(f->below, f->original + 512 * KIB, DISK - 512 * KIB, 512 * KIB, &e), 0);
    f->overlay = overlay_open(f->below, "/tmp", &e);
    assert_non_null(f->overlay);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    blockdev_close(f->overlay);
    blockdev_close(f->below);
    free(f->model);
    free(f->original);
    free(f);
    return 0;
}

static void assert_reads_as(struct blockdev *bd, const uint8_t *expected)
{
    uint8_t *got = malloc(DISK);
    struct err e = {0};

    assert_int_equal(blockdev_pread(bd, got, DISK, 0, &e), 0);
    assert_memory_equal(got, expected, DISK);
    free(got);
}

static void reads_what_is_below(void **state)
{
    struct fixture *f = *state;

    assert_reads_as(f->overlay, f->original);
}

static void random_changes_match_a_model_and_leave_below_alone(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    uint8_t buf[20000];

    for (int round = 0; round < 2000; round++) {
        uint64_t offset = (uint64_t)random() % DISK;
        size_t n = (size_t)random() % sizeof(buf);

        if (n > DISK - offset)
            n = (size_t)(DISK - offset);
        if (round % 3 == 0) {
            memset(f->model + offset, 0, n);
            assert_int_equal(blockdev_zero(f->overlay, offset, n, &e), 0);
        } else if (round % 3 == 1) {
            memset(buf, round, n);
            memcpy(f->model + offset, buf, n);
            assert_int_equal(blockdev_pwrite(f->overlay, buf, n, offset, &e), 0);
        } else {
            assert_int_equal(blockdev_pread(f->overlay, buf, n, offset, &e), 0);
            assert_memory_equal(buf, f->model + offset, n);
        }
    }
    assert_reads_as(f->overlay, f->model);
    assert_reads_as(f->below, f->original);
}

static void next_data_leaves_out_no_data(void **state)
{
    struct fixture *f = *state;
    struct extent data = {0};
    struct err e = {0};
    uint8_t *copy = calloc(1, DISK);

    memset(f->model + 300 * KIB, 0x5a, 5000);
    assert_int_equal(blockdev_pwrite(f->overlay, f->model + 300 * KIB, 5000, 300 * KIB, &e), 0);
    for (;;) {
        assert_int_equal(blockdev_next_data(f->overlay, extent_end(&data), &data, &e), 0);
        if (data.bytes == 0)
            break;
        assert_int_equal(blockdev_pread(f->overlay, copy + data.start, data.bytes, data.start, &e),
                         0);
    }
    assert_memory_equal(copy, f->model, DISK);
    free(copy);
}

static void a_forked_child_shares_its_changes(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int status;

    memset(f->model + 4000, 0x77, 9000);
    if (fork() == 0)
        _exit(blockdev_pwrite(f->overlay, f->model + 4000, 9000, 4000, &e) == 0 ? 0 : 1);
    wait(&status);
    assert_int_equal(status, 0);
    assert_reads_as(f->overlay, f->model);
}

static void refuses_what_lies_behind_the_end(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char byte = 0;

    assert_int_equal(blockdev_pwrite(f->overlay, &byte, 1, DISK, &e), -1);
    assert_int_equal(blockdev_pread(f->overlay, &byte, 1, UINT64_MAX, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_is_below, setup, teardown),
        cmocka_unit_test_setup_teardown(random_changes_match_a_model_and_leave_below_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(next_data_leaves_out_no_data, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forked_child_shares_its_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_lies_behind_the_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
