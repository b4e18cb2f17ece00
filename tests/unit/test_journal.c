// SPDX-License-Identifier: GPL-3.0-or-later
/* test_journal.c: which superblocks say that a journal waits. */
#include "core/size.h"
#include "os/journal.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiting_journal_is_seen),
        cmocka_unit_test(a_clean_or_other_filesystem_needs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
