// SPDX-License-Identifier: GPL-3.0-or-later
/* test_jail_landlock.c: the jail without its list of system calls, which this file's own function
 * stands for: what Landlock alone denies. */
#include "core/jail_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int jail_calls_restrict(const struct jail_options *options, struct err *e)
{
    (void)options, (void)e;
    return 0;
}

static int opens(void *arg, struct err *e)
{
    (void)arg;
    return open("/", O_RDONLY | O_DIRECTORY) < 0 ? err_errno(e, "open") : 0;
}

static int executes(void *arg, struct err *e)
{
    char *argv[] = {"true", NULL};

    (void)arg;
    execv("/bin/true", argv);
    return err_errno(e, "exec");
}

static int is_there(void *arg, struct err *e)
{
    (void)arg, (void)e;
    return 0;
}

static void landlock_alone_denies_files_and_programs(void **state)
{
    static const enum jail_profile profiles[] = {JAIL_READER, JAIL_SERVER};
    jail_fn *const forbidden[] = {opens, executes};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct jail_options options = {.profile = profiles[i / 2], .what = "the test"};
        struct err e = {0};

        assert_int_equal(jail_run(&options, is_there, NULL, &e), 0);
        assert_int_equal(jail_run(&options, forbidden[i % 2], NULL, &e), -1);
        assert_non_null(strstr(e.text, strerror(EACCES)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(landlock_alone_denies_files_and_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
