// SPDX-License-Identifier: GPL-3.0-or-later
/* test_jail_calls.c: the jail without Landlock, which this file's own functions stand for: what the
 * list of system calls alone denies. */
#include "core/jail.h"
#include "core/landlock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int landlock_version(void)
{
    return 0;
}

int landlock_deny_all(struct err *e)
{
    (void)e;
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

static void the_list_alone_ends_who_opens_or_executes(void **state)
{
    static const enum jail_profile profiles[] = {JAIL_READER, JAIL_SERVER};
    jail_fn *const forbidden[] = {opens, executes};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct jail_options options = {.profile = profiles[i / 2], .what = "the test"};
        struct err e = {0};

        assert_int_equal(jail_run(&options, forbidden[i % 2], NULL, &e), -1);
        assert_non_null(strstr(e.text, "it tried something it must not"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_alone_ends_who_opens_or_executes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
