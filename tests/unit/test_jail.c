// SPDX-License-Identifier: GPL-3.0-or-later
/* test_jail.c: what a jailed process cannot do any more, and how its failures come back. */
#include "core/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int run(enum jail_profile profile, jail_fn *fn, void *arg, struct err *e)
{
    struct jail_options options = {.profile = profile, .what = "the test"};

    return jail_run(&options, fn, arg, e);
}

static int opens(void *arg, struct err *e)
{
    (void)arg;
    return open("/etc/hostname", O_RDONLY) < 0 ? err_errno(e, "open") : 0;
}

static int connects(void *arg, struct err *e)
{
    (void)arg;
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? err_errno(e, "socket") : 0;
}

static int executes(void *arg, struct err *e)
{
    char *argv[] = {"true", NULL};

    (void)arg;
    execv("/bin/true", argv);
    return err_errno(e, "exec");
}

static int forks(void *arg, struct err *e)
{
    (void)arg;
    return fork() < 0 ? err_errno(e, "fork") : 0;
}

static int maps_code(void *arg, struct err *e)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)arg;
    return p == MAP_FAILED ? err_errno(e, "mmap") : 0;
}

static void forbidden_calls_end_either_profile(void **state)
{
    jail_fn *const forbidden[] = {opens, connects, executes, forks, maps_code};

    (void)state;
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        struct err e = {0};

        assert_int_equal(run(JAIL_READER, forbidden[i], NULL, &e), -1);
        assert_non_null(strstr(e.text, "it tried something it must not"));
        assert_int_equal(run(JAIL_SERVER, forbidden[i], NULL, &e), -1);
        assert_non_null(strstr(e.text, "it tried something it must not"));
    }
}

static int writes(void *arg, struct err *e)
{
    return pwrite(*(int *)arg, "x", 1, 0) != 1 ? err_errno(e, "pwrite") : 0;
}

static void a_reader_writes_to_its_own_descriptors_only(void **state)
{
    int own = memfd_create("own", MFD_CLOEXEC), disk = memfd_create("disk", MFD_CLOEXEC);
    struct jail_options options = {.profile = JAIL_READER,
                                   .what = "the reader",
                                   .keep = {{own, disk}, 2},
                                   .write = &own,
                                   .n_write = 1};
    struct err e = {0};

    (void)state;
    assert_int_equal(jail_run(&options, writes, &own, &e), 0);
    assert_int_equal(jail_run(&options, writes, &disk, &e), -1);
    assert_string_equal(e.text, "the reader was stopped: it tried something it must not");
    close(own);
    close(disk);
}

static int reads(void *arg, struct err *e)
{
    char byte;

    return pread(*(int *)arg, &byte, 1, 0) < 0 ? err_errno(e, "pread") : 0;
}

static void other_descriptors_are_closed(void **state)
{
    int kept = memfd_create("kept", MFD_CLOEXEC), other = memfd_create("other", MFD_CLOEXEC);
    struct jail_options options = {
        .profile = JAIL_READER, .what = "the reader", .keep = {{kept}, 1}};
    struct err e = {0};

    (void)state;
    assert_int_equal(jail_run(&options, reads, &kept, &e), 0);
    assert_int_equal(jail_run(&options, reads, &other, &e), -1);
    assert_string_equal(e.text, "pread: Bad file descriptor");
    close(kept);
    close(other);
}

/* Bits of what a tool in the jail could do that it must not, or could not do that it may. */
static int misdeeds(int window, int other)
{
    char bytes[4];
    int pipes[2], copy = dup(window), n = 0;

    n |= (pread(window, bytes, 4, 4096) == 4 && memcmp(bytes, "seen", 4) == 0 ? 0 : 1) << 0;
    n |= (pread(window, bytes, 4, 4093) < 0 && errno == EPERM ? 0 : 1) << 1;
    n |= (pread(window, bytes, 4, 8190) < 0 && errno == EPERM ? 0 : 1) << 2;
    n |= (pread(other, bytes, 4, 4096) < 0 ? 0 : 1) << 3;
    n |= (copy >= 0 && pread(copy, bytes, 4, 4096) < 0 && read(copy, bytes, 4) < 0 ? 0 : 1) << 4;
    n |= (pwrite(window, "x", 1, 4096) < 0 && errno == EPERM ? 0 : 1) << 5;
    n |= (open("/etc/hostname", O_RDONLY) < 0 && errno == EPERM ? 0 : 1) << 6;
    n |= (pipe(pipes) < 0 && fork() < 0 && socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 0 : 1) << 7;
    return n;
}

static void a_tool_reads_its_window_and_whatever_else_it_tries_fails(void **state)
{
    int disk = memfd_create("disk", MFD_CLOEXEC), other = memfd_create("other", MFD_CLOEXEC), ends;
    const struct filter_window window = {disk, 4096, 8192};
    struct jail_options options = {.profile = JAIL_TOOL,
                                   .what = "the tool",
                                   .keep = {{disk}, 1},
                                   .windows = &window,
                                   .n_windows = 1};
    struct err e = {0};
    pid_t pid;

    (void)state;
    assert_int_equal(ftruncate(disk, 16384), 0);
    assert_int_equal(pwrite(disk, "seen", 4, 4096), 4);
    pid = fork();
    if (pid == 0)
        _exit(jail_enter(&options, &e) < 0 ? 255 : misdeeds(disk, other));
    assert_int_equal(waitpid(pid, &ends, 0), pid);
    assert_true(WIFEXITED(ends));
    assert_int_equal(WEXITSTATUS(ends), 0);
    close(disk);
    close(other);
}

static int fails(void *arg, struct err *e)
{
    (void)arg;
    err_set(e, ERR_NOT_FOUND, "no kernel\x1b[31m");
    return err_hint(e, "install one");
}

static void an_error_comes_back_without_control_characters(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(run(JAIL_READER, fails, NULL, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_string_equal(e.text, "no kernel?[31m");
    assert_string_equal(e.hint, "install one");
}

static int allocates(void *arg, struct err *e)
{
    for (size_t n = 1; n < 64u << 20; n *= 2) {
        char *p = malloc(n);

        if (p == NULL)
            return err_no_memory(e);
        memset(p, 1, n);
        free(p);
    }
    (void)arg;
    return 0;
}

static void memory_can_be_had(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(run(JAIL_READER, allocates, NULL, &e), 0);
}

static int ends_silently(void *arg, struct err *e)
{
    (void)arg;
    (void)e;
    _exit(3);
}

static void a_child_that_says_nothing_is_a_failure(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(run(JAIL_READER, ends_silently, NULL, &e), -1);
    assert_string_equal(e.text, "the test ended without a word");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_end_either_profile),
        cmocka_unit_test(a_reader_writes_to_its_own_descriptors_only),
        cmocka_unit_test(other_descriptors_are_closed),
        cmocka_unit_test(a_tool_reads_its_window_and_whatever_else_it_tries_fails),
        cmocka_unit_test(an_error_comes_back_without_control_characters),
        cmocka_unit_test(memory_can_be_had),
        cmocka_unit_test(a_child_that_says_nothing_is_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
