// SPDX-License-Identifier: GPL-3.0-or-later
/* A whole disk in a file: what may be written, and who may have it. (Devices: tests/cases.) */
#include "block/disk.h"
#include "core/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/berth-test-disk.XXXXXX";

static int make_file(void **state)
{
    int fd;

    (void)state;
    strcpy(path + sizeof(path) - 7, "XXXXXX");
    fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, 8 * MIB) < 0)
        return -1;
    return close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static struct disk *open_disk(void)
{
    struct err e;
    struct disk *disk = disk_open(path, true, 0, &e);

    if (disk == NULL)
        fail_msg("%s", e.text);
    return disk;
}

static const struct extent second = {2 * MIB, MIB};

static void a_write_outside_every_claim_fails_and_writes_nothing(void **state)
{
    _cleanup_disk_ struct disk *disk = open_disk();
    struct blockdev *bd = disk_blockdev(disk);
    char one = 1, read;
    struct err e;

    (void)state;
    assert_int_equal(disk_claim(disk, second, "second", &e), 0);
    assert_int_equal(blockdev_pwrite(bd, &one, 1, 2 * MIB, &e), 0);
    assert_int_equal(blockdev_pwrite(bd, &one, 1, 3 * MIB, &e), -1);
    assert_int_equal(blockdev_pwrite(bd, "ab", 2, 3 * MIB - 1, &e), -1);
    assert_int_equal(blockdev_zero(bd, 0, 8 * MIB, &e), -1);
    assert_int_equal(blockdev_pread(bd, &read, 1, 3 * MIB, &e), 0);
    assert_int_equal(read, 0);
}

static void a_write_may_span_claims_that_touch(void **state)
{
    _cleanup_disk_ struct disk *disk = open_disk();
    char bytes[4] = {1, 2, 3, 4};
    struct err e;

    (void)state;
    assert_int_equal(disk_claim(disk, second, "second", &e), 0);
    assert_int_equal(disk_allow(disk, (struct extent){3 * MIB, MIB}, &e), 0);
    assert_int_equal(blockdev_pwrite(disk_blockdev(disk), bytes, 4, 3 * MIB - 2, &e), 0);
}

static void two_cannot_claim_the_same_bytes(void **state)
{
    _cleanup_disk_ struct disk *first = open_disk(), *other = open_disk();
    struct extent overlapping = {3 * MIB - 4096, MIB}, beside = {3 * MIB, MIB};
    struct err e;

    (void)state;
    assert_int_equal(disk_claim(first, second, "dev", &e), 0);
    assert_int_equal(disk_claim(other, overlapping, "dev", &e), -1);
    assert_int_equal(e.code, ERR_IN_USE);
    assert_string_equal(e.text, "dev is in use by another berth");
    assert_int_equal(disk_claim(other, beside, "main", &e), 0);
    assert_true(disk_range_is_claimed(other, second));
}

static void closing_gives_every_claim_up(void **state)
{
    struct disk *first = open_disk();
    _cleanup_disk_ struct disk *other = open_disk();
    struct err e;

    (void)state;
    assert_int_equal(disk_claim(first, second, "dev", &e), 0);
    assert_int_equal(disk_lock_table(first, &e), 0);
    assert_int_equal(disk_lock_table(other, &e), -1);
    disk_close(first);
    assert_int_equal(disk_lock_table(other, &e), 0);
    assert_int_equal(disk_claim(other, second, "dev", &e), 0);
}

static void a_file_that_has_got_another_size_is_not_the_same_disk(void **state)
{
    _cleanup_disk_ struct disk *disk = open_disk();
    struct err e;

    (void)state;
    assert_int_equal(disk_same_device(disk, &e), 0);
    assert_int_equal(truncate(path, 9 * MIB), 0);
    assert_int_equal(disk_same_device(disk, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    assert_int_equal(truncate(path, 8 * MIB), 0);
}

static void what_is_no_disk_is_refused_by_name(void **state)
{
    struct err e;

    (void)state;
    assert_null(disk_open("/tmp", false, 0, &e));
    assert_int_equal(e.code, ERR_USAGE);
    assert_string_equal(e.text, "/tmp is a folder, not a disk");
    assert_null(disk_open("/dev/null", false, 0, &e));
    assert_string_equal(e.text, "/dev/null is a special file, not a disk");
    assert_null(disk_open("/nowhere/at/all", false, 0, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void a_trace_has_every_change_in_order(void **state)
{
    char trace[] = "/tmp/berth-test-trace.XXXXXX", ops[64] = "";
    int fd = mkstemp(trace);
    FILE *in = fdopen(fd, "r");
    struct disk *disk;
    struct err e;
    size_t n = 0;

    (void)state;
    setenv("BERTH_TRACE", trace, 1);
    disk = open_disk();
    unsetenv("BERTH_TRACE");
    assert_int_equal(disk_claim(disk, second, "dev", &e), 0);
    assert_int_equal(blockdev_pwrite(disk_blockdev(disk), "x", 1, 2 * MIB, &e), 0);
    assert_int_equal(blockdev_flush(disk_blockdev(disk), &e), 0);
    assert_int_equal(blockdev_zero(disk_blockdev(disk), 2 * MIB, 4096, &e), 0);
    disk_close(disk);
    for (int c; (c = getc(in)) != EOF && n < 63;) {
        ops[n++] = (char)c;
        fseek(in, 16 + (c == 'W'), SEEK_CUR);
    }
    assert_string_equal(ops, "WFZ");
    fclose(in);
    unlink(trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_outside_every_claim_fails_and_writes_nothing),
        cmocka_unit_test(a_write_may_span_claims_that_touch),
        cmocka_unit_test(two_cannot_claim_the_same_bytes),
        cmocka_unit_test(closing_gives_every_claim_up),
        cmocka_unit_test(a_file_that_has_got_another_size_is_not_the_same_disk),
        cmocka_unit_test(what_is_no_disk_is_refused_by_name),
        cmocka_unit_test(a_trace_has_every_change_in_order),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
