// SPDX-License-Identifier: GPL-3.0-or-later
/* test_journal.c: which superblocks say that a journal waits. */
#include "core/size.h"
#include "os/journal.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool needs_recovery(uint8_t magic, uint8_t incompatible)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *root = mem_open(1 * MIB, 512, &e);
    const uint8_t magic_bytes[] = {magic, 0xef};
    bool needs = false;

    assert_int_equal(blockdev_pwrite(root, magic_bytes, 2, 1024 + 0x38, &e), 0);
    assert_int_equal(blockdev_pwrite(root, &incompatible, 1, 1024 + 0x60, &e), 0);
    assert_int_equal(journal_needs_recovery(root, &needs, &e), 0);
    return needs;
}

static void a_waiting_journal_is_seen(void **state)
{
    (void)state;
    assert_true(needs_recovery(0x53, 0xc6));
}

static void a_clean_or_other_filesystem_needs_nothing(void **state)
{
    (void)state;
    assert_false(needs_recovery(0x53, 0xc2));
    assert_false(needs_recovery(0x54, 0xc6));
}

static bool needs_now(struct blockdev *root)
{
    struct err e = {0};
    bool needs = false;

    assert_int_equal(journal_needs_recovery(root, &needs, &e), 0);
    return needs;
}

static void put(struct blockdev *root, uint64_t at, const void *bytes, size_t n)
{
    struct err e = {0};

    assert_int_equal(blockdev_pwrite(root, bytes, n, at, &e), 0);
}

static void put32(struct blockdev *root, uint64_t at, uint32_t value)
{
    value = htobe32(value);
    put(root, at, &value, sizeof(value));
}

static void a_btrfs_needs_it_when_it_has_a_log_tree(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *root = mem_open(1 * MIB, 512, &e);

    (void)state;
    put(root, 65536 + 0x40, "_BHRfS_M", 8);
    assert_false(needs_now(root));
    put(root, 65536 + 0x60 + 2, "\x01", 1);
    assert_true(needs_now(root));
}

enum { LOG = 16 * 4096, LOG_BLOCKS = 64 }; /* bytes; of 512 bytes */

/* Group 1, of 12 blocks of 4096 bytes, starts the log with its block 4. */
static void make_xfs(struct blockdev *root)
{
    put(root, 0, "XFSB", 4);
    put32(root, 4, 4096);
    put32(root, 52, 1 << 4 | 4);
    put32(root, 84, 12);
    put32(root, 96, LOG_BLOCKS * 512 / 4096);
    put(root, 124, "\x04", 1);
}

/* Writes a record of one operation at a block of the log, in that round, the log having been
 * written up to it in the same one. */
static void put_record(struct blockdev *root, uint64_t at, uint32_t cycle, uint8_t flags)
{
    for (uint64_t i = 0; i < LOG_BLOCKS; i++)
        put32(root, LOG + i * 512, i < at + 2 ? cycle : cycle - 1);
    at %= LOG_BLOCKS;
    put32(root, LOG + at * 512, 0xfeedbabe);
    put32(root, LOG + at * 512 + 4, cycle);
    put32(root, LOG + at * 512 + 8, 2);
    put32(root, LOG + at * 512 + 12, 512);
    put32(root, LOG + at * 512 + 40, 1);
    put32(root, LOG + at * 512 + 320, 32768);
    put(root, LOG + (at + 1) * 512 + 9, &flags, 1);
}

static void an_xfs_needs_it_unless_its_log_ends_with_an_unmount(void **state)
{
    const uint64_t places[] = {0, 1, 30, 31, 40, LOG_BLOCKS - 3, LOG_BLOCKS - 2};
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        _cleanup_blockdev_ struct blockdev *root = mem_open(1 * MIB, 512, &e);

        make_xfs(root);
        put_record(root, places[i], 7, 0x20);
        assert_false(needs_now(root));
        put_record(root, places[i], 7, 0x02);
        assert_true(needs_now(root));
    }
}

static void an_xfs_with_another_record_behind_the_unmount_needs_it(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *root = mem_open(1 * MIB, 512, &e);

    (void)state;
    make_xfs(root);
    put_record(root, 30, 7, 0x20);
    put32(root, LOG + 32 * 512, 7);
    assert_true(needs_now(root));
}

static void a_log_outside_the_device_is_not_looked_at(void **state)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *root = mem_open(1 * MIB, 512, &e);

    (void)state;
    make_xfs(root);
    put32(root, 96, 0xffffffff);
    assert_false(needs_now(root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiting_journal_is_seen),
        cmocka_unit_test(a_clean_or_other_filesystem_needs_nothing),
        cmocka_unit_test(a_btrfs_needs_it_when_it_has_a_log_tree),
        cmocka_unit_test(an_xfs_needs_it_unless_its_log_ends_with_an_unmount),
        cmocka_unit_test(an_xfs_with_another_record_behind_the_unmount_needs_it),
        cmocka_unit_test(a_log_outside_the_device_is_not_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
