// SPDX-License-Identifier: GPL-3.0-or-later
/* test_hibernation.c: which signatures of a swap area mean that a system sleeps in it. */
#include "core/size.h"
#include "os/hibernation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool hibernated(const char *signature)
{
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *swap = mem_open(1 * MIB, 512, &e);
    bool result = false;

    assert_int_equal(blockdev_pwrite(swap, signature, strlen(signature), 4086, &e), 0);
    assert_int_equal(hibernation_in_swap(swap, &result, &e), 0);
    return result;
}

static void a_session_is_seen(void **state)
{
    (void)state;
    assert_true(hibernated("S1SUSPEND"));
    assert_true(hibernated("S2SUSPEND"));
    assert_true(hibernated("ulsuspend"));
    assert_true(hibernated("LINHIB0001"));
    assert_true(hibernated("\xed\xc3\x02\xe9\x98\x56\xe5\x0c"));
}

static void plain_swap_is_not_a_session(void **state)
{
    (void)state;
    assert_false(hibernated("SWAPSPACE2"));
    assert_false(hibernated("SWAP-SPACE"));
    assert_false(hibernated(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_seen),
        cmocka_unit_test(plain_swap_is_not_a_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
