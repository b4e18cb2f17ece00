// SPDX-License-Identifier: GPL-3.0-or-later
/* QEMU's lock bytes: what excludes changing a file, and what does not. (A real one: tests/boot.) */
#include "block/claim.h"
#include "core/cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char path[] = "/tmp/berth-test-claim.XXXXXX";

static int make_file(void **state)
{
    (void)state;
    strcpy(path + sizeof(path) - 7, "XXXXXX");
    return close(mkstemp(path));
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* Locks bytes as QEMU does: shared, by an open file description of its own. */
static int as_qemu(const off_t *bytes, size_t n)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    for (size_t i = 0; i < n; i++) {
        struct flock lock = {
            .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = bytes[i], .l_len = 1};

        assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    }
    return fd;
}

static void assert_refused(const off_t *bytes, size_t n, const char *words)
{
    _cleanup_close_ int qemu = as_qemu(bytes, n);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
    struct err e;

    assert_true(qemu >= 0);
    assert_int_equal(claim_check_file_users(fd, path, &e), -1);
    assert_int_equal(e.code, ERR_IN_USE);
    assert_non_null(strstr(e.text, words));
}

static void a_qemu_that_writes_is_in_the_way(void **state)
{
    (void)state;
    assert_refused((const off_t[]){100, 101, 201}, 3, "(QEMU), which writes to it");
}

static void a_qemu_that_may_resize_is_in_the_way(void **state)
{
    (void)state;
    assert_refused((const off_t[]){103}, 1, "(QEMU), which changes its size");
}

static void a_qemu_in_the_middle_of_a_change_is_in_the_way(void **state)
{
    (void)state;
    assert_refused((const off_t[]){200}, 1, "(QEMU), which is in the middle of changing it");
}

static void a_reader_that_lets_nobody_write_is_in_the_way(void **state)
{
    (void)state;
    assert_refused((const off_t[]){100, 201}, 2, "(QEMU), which reads it and lets nobody write");
}

static void a_reader_that_shares_is_not_in_the_way(void **state)
{
    _cleanup_close_ int qemu = as_qemu((const off_t[]){100}, 1);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
    struct err e;

    (void)state;
    assert_true(qemu >= 0);
    assert_int_equal(claim_check_file_users(fd, path, &e), 0);
}

static void another_berth_that_keeps_qemu_out_is_not_in_the_way(void **state)
{
    _cleanup_close_ int other = open(path, O_RDWR | O_CLOEXEC);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
    struct err e;

    (void)state;
    assert_int_equal(claim_keep_qemu_out(other, path, &e), 0);
    assert_int_equal(claim_check_file_users(fd, path, &e), 0);
    assert_int_equal(claim_keep_qemu_out(fd, path, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_qemu_that_writes_is_in_the_way),
        cmocka_unit_test(a_qemu_that_may_resize_is_in_the_way),
        cmocka_unit_test(a_qemu_in_the_middle_of_a_change_is_in_the_way),
        cmocka_unit_test(a_reader_that_lets_nobody_write_is_in_the_way),
        cmocka_unit_test(a_reader_that_shares_is_not_in_the_way),
        cmocka_unit_test(another_berth_that_keeps_qemu_out_is_not_in_the_way),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
