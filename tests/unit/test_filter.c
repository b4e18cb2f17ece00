// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * test_filter.c: what filters allow, twice: their programs are interpreted here, over many calls,
 * and compared with the rule in plain C; and the kernel runs them in a child.
 */
#include "core/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define REFUSED       (SECCOMP_RET_ERRNO | EPERM)
#define PUNCH         (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define LONGEST       0x7fffffffULL
#define RANDOM_ROUNDS 200000

/* ---- the machine the programs are for ---- */

struct machine {
    const struct seccomp_data *data;
    uint32_t a, x, cells[BPF_MEMWORDS];
};

static bool compare(const struct machine *m, const struct sock_filter *at)
{
    uint32_t with = BPF_SRC(at->code) == BPF_X ? m->x : at->k;

    switch (BPF_OP(at->code)) {
    case BPF_JEQ:
        return m->a == with;
    case BPF_JGT:
        return m->a > with;
    case BPF_JGE:
        return m->a >= with;
    default:
        fail_msg("an unknown comparison %#x", at->code);
        return false;
    }
}

static void step(struct machine *m, const struct sock_filter *at)
{
    switch (at->code) {
    case BPF_LD | BPF_W | BPF_ABS:
        memcpy(&m->a, (const char *)m->data + at->k, sizeof(m->a));
        break;
    case BPF_LD | BPF_MEM:
        m->a = m->cells[at->k];
        break;
    case BPF_ST:
        m->cells[at->k] = m->a;
        break;
    case BPF_MISC | BPF_TAX:
        m->x = m->a;
        break;
    case BPF_ALU | BPF_AND | BPF_K:
        m->a &= at->k;
        break;
    case BPF_ALU | BPF_ADD | BPF_K:
        m->a += at->k;
        break;
    case BPF_ALU | BPF_ADD | BPF_X:
        m->a += m->x;
        break;
    default:
        fail_msg("an unknown instruction %#x", at->code);
    }
}

static uint32_t run(const struct filter *filter, const struct seccomp_data *data)
{
    struct machine m = {.data = data};

    for (size_t pc = 0; pc < filter->n; pc++) {
        const struct sock_filter *at = &filter->code[pc];

        if (BPF_CLASS(at->code) == BPF_RET)
            return at->k;
        if (BPF_CLASS(at->code) != BPF_JMP)
            step(&m, at);
        else if (BPF_OP(at->code) == BPF_JA)
            pc += at->k;
        else
            pc += compare(&m, at) ? at->jt : at->jf;
    }
    fail_msg("the program runs off its end");
    return 0;
}

static bool allows(const struct filter *filter, int call, const uint64_t arguments[6])
{
    struct seccomp_data data = {.nr = call, .arch = AUDIT_ARCH_X86_64};
    uint32_t word;

    memcpy(data.args, arguments, sizeof(data.args));
    word = run(filter, &data);
    assert_true(word == SECCOMP_RET_ALLOW || word == REFUSED);
    return word == SECCOMP_RET_ALLOW;
}

/* ---- plain rules ---- */

static struct filter filter;

static void end(void)
{
    struct err e;

    assert_int_equal(filter_end(&filter, REFUSED, &e), 0);
}

static void only_what_is_listed_is_allowed(void **state)
{
    const int calls[] = {SYS_read, SYS_futex};
    const uint64_t any[6] = {1, 2, 3, 4, 5, 6};

    (void)state;
    filter_begin(&filter);
    filter_allow_all(&filter, calls, COUNT(calls));
    end();
    for (int call = 0; call < 500; call++)
        assert_int_equal(allows(&filter, call, any), call == SYS_read || call == SYS_futex);
}

static void other_interfaces_end_the_process(void **state)
{
    struct seccomp_data i386 = {.nr = SYS_read, .arch = AUDIT_ARCH_I386};
    struct seccomp_data x32 = {.nr = SYS_read | 0x40000000, .arch = AUDIT_ARCH_X86_64};

    (void)state;
    filter_begin(&filter);
    filter_allow(&filter, SYS_read);
    end();
    assert_int_equal(run(&filter, &i386), FILTER_KILL);
    assert_int_equal(run(&filter, &x32), FILTER_KILL);
}

static void an_int_is_compared_by_its_low_half(void **state)
{
    const uint64_t arguments[][6] = {{7}, {8}, {7 | 1ULL << 32}, {0}};

    (void)state;
    filter_begin(&filter);
    filter_allow_fd(&filter, SYS_write, 7);
    end();
    assert_true(allows(&filter, SYS_write, arguments[0]));
    assert_false(allows(&filter, SYS_write, arguments[1]));
    assert_true(allows(&filter, SYS_write, arguments[2]));
    assert_false(allows(&filter, SYS_write, arguments[3]));
    assert_false(allows(&filter, SYS_read, arguments[0]));
}

static void all_tests_of_a_rule_must_hold(void **state)
{
    const struct filter_test tests[] = {{2, PROT_EXEC, 0}, FILTER_IS(4, -1)};
    const uint64_t good[6] = {0, 0, PROT_READ | PROT_WRITE, 0, 0xffffffff},
                   executable[6] = {0, 0, PROT_READ | PROT_EXEC, 0, 0xffffffff},
                   of_file[6] = {0, 0, PROT_READ, 0, 3};

    (void)state;
    filter_begin(&filter);
    filter_allow_if(&filter, SYS_mmap, tests, COUNT(tests));
    end();
    assert_true(allows(&filter, SYS_mmap, good));
    assert_false(allows(&filter, SYS_mmap, executable));
    assert_false(allows(&filter, SYS_mmap, of_file));
}

static void several_rules_of_one_call_are_alternatives(void **state)
{
    const uint64_t requests[][6] = {{3, 0xae80}, {4, 0xae61}, {5, 0xae00}};

    (void)state;
    filter_begin(&filter);
    filter_allow_ioctl(&filter, 0xae80);
    filter_allow_ioctl(&filter, 0xae61);
    end();
    assert_true(allows(&filter, SYS_ioctl, requests[0]));
    assert_true(allows(&filter, SYS_ioctl, requests[1]));
    assert_false(allows(&filter, SYS_ioctl, requests[2]));
}

static void too_many_rules_are_an_error(void **state)
{
    struct err e;

    (void)state;
    filter_begin(&filter);
    for (int i = 0; i < FILTER_MAX; i++)
        filter_allow_fd(&filter, SYS_write, i);
    assert_int_equal(filter_end(&filter, FILTER_KILL, &e), -1);
    assert_non_null(strstr(e.text, "more than 4096"));
}

/* ---- windows ---- */

static const struct filter_test punches[] = {FILTER_IS(1, PUNCH)};
static const struct filter_ranged ranged[] = {
    {SYS_pread64, 3, 2, NULL, 0}, {SYS_pwrite64, 3, 2, NULL, 0}, {SYS_fallocate, 2, 3, punches, 1}};

/* The rule in plain C. */
static bool within(const struct filter_window *windows, size_t n, int fd, uint64_t offset,
                   uint64_t length)
{
    if (offset > INT64_MAX || length > LONGEST)
        return false;
    for (size_t i = 0; i < n; i++)
        if (windows[i].fd == fd && windows[i].start <= offset && offset + length <= windows[i].end)
            return true;
    return false;
}

/* Returns what was expected, and found. */
static bool compare_all(const struct filter_window *windows, size_t n, int fd, uint64_t offset,
                        uint64_t length)
{
    const uint64_t moves[6] = {(uint64_t)fd, 0x7fff0000, length, offset};
    const uint64_t punch[6] = {(uint64_t)fd, PUNCH, offset, length};
    const uint64_t collapse[6] = {(uint64_t)fd, FALLOC_FL_COLLAPSE_RANGE, offset, length};
    bool expected = within(windows, n, fd, offset, length);

    if (allows(&filter, SYS_pread64, moves) != expected ||
        allows(&filter, SYS_pwrite64, moves) != expected ||
        allows(&filter, SYS_fallocate, punch) != expected)
        fail_msg("fd %d offset %#llx length %#llx: expected %d", fd, (unsigned long long)offset,
                 (unsigned long long)length, expected);
    assert_false(allows(&filter, SYS_fallocate, collapse));
    assert_false(allows(&filter, SYS_pwritev, moves));
    return expected;
}

static void build(const struct filter_window *windows, size_t n)
{
    filter_begin(&filter);
    filter_allow_windows(&filter, ranged, COUNT(ranged), windows, n);
    filter_allow(&filter, SYS_exit_group);
    filter_allow(&filter, SYS_sigaltstack); /* AddressSanitizer's, before it exits */
    end();
}

/* Around every border, each with lengths that end around every border. */
static void windows_are_exact_to_the_byte(void **state)
{
    const struct filter_window windows[] = {{5, 0, 512},
                                            {5, 1 << 20, 3 << 20},
                                            {5, 0xfffff000, 0x100001000},
                                            {6, 0x2fffffff0, 0x300000010},
                                            {6, 1ULL << 40, (1ULL << 40) + LONGEST},
                                            {7, 0, INT64_MAX}};

    (void)state;
    build(windows, COUNT(windows));
    for (size_t i = 0; i < 2 * COUNT(windows); i++)
        for (size_t k = 0; k < 2 * COUNT(windows); k++)
            for (int64_t d = -2; d <= 2; d++)
                for (int fd = 4; fd < 8; fd++) {
                    const struct filter_window *from = &windows[i / 2], *to = &windows[k / 2];
                    uint64_t offset = (i % 2 != 0 ? from->end : from->start) + (uint64_t)d;
                    uint64_t stop = k % 2 != 0 ? to->end : to->start;

                    for (uint64_t more = 0; more < 3; more++)
                        compare_all(windows, COUNT(windows), fd, offset, stop - offset + more - 1);
                }
}

static void lengths_and_offsets_at_the_bounds_of_their_type(void **state)
{
    const struct filter_window all[] = {{5, 0, INT64_MAX}};
    const uint64_t numbers[] = {0,          1,          511,           LONGEST,    LONGEST + 1,
                                UINT32_MAX, 1ULL << 32, INT64_MAX - 1, INT64_MAX,  1ULL << 63,
                                UINT64_MAX, -512ULL,    INT64_MAX - 7, 0x100000001};

    (void)state;
    build(all, 1);
    for (size_t i = 0; i < COUNT(numbers); i++)
        for (size_t k = 0; k < COUNT(numbers); k++)
            compare_all(all, 1, 5, numbers[i], numbers[k]);
}

static uint64_t any_number(void)
{
    uint64_t bits = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();

    return bits >> random() % 64;
}

static void make_windows(struct filter_window *windows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        windows[i].fd = 4 + (int)(random() % 3);
        windows[i].start = any_number() >> 2;
        windows[i].end = windows[i].start + (any_number() >> 2);
    }
    build(windows, n);
}

static void random_ranges_agree_with_the_rule(void **state)
{
    struct filter_window windows[8];
    unsigned allowed = 0;

    (void)state;
    srandom(1);
    for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
        const struct filter_window *near = &windows[round % COUNT(windows)];
        uint64_t step, room;

        if (round % 1000 == 0)
            make_windows(windows, COUNT(windows));
        step = any_number() % (near->end - near->start + 2);
        room = near->end - near->start - step;
        allowed += compare_all(windows, COUNT(windows), near->fd, near->start + step,
                               round % 2 != 0 ? any_number() : room + 1 - (uint64_t)random() % 3);
    }
    assert_in_range(allowed, RANDOM_ROUNDS / 10, RANDOM_ROUNDS / 10 * 9);
}

static void a_disk_of_many_parts_fits(void **state)
{
    struct filter_window windows[161];

    (void)state;
    for (size_t i = 0; i < COUNT(windows); i++)
        windows[i] = (struct filter_window){(int)i, i << 30, (i + 1) << 30};
    build(windows, COUNT(windows));
    for (size_t i = 0; i < COUNT(windows); i++)
        compare_all(windows, COUNT(windows), (int)i, (i << 30) + 1, (1 << 30) - (i % 2));
}

/* ---- in the kernel ---- */

/* Each step has its own exit status. */
static int use_window(int fd)
{
    static char data[8192];
    struct err e;
    const struct filter_window window = {fd, 4096, 12288};

    build(&window, 1);
    if (filter_install(&filter, &e) < 0)
        return 1;
    if (pwrite(fd, data, 8192, 4096) != 8192 || pread(fd, data, 1, 12287) != 1)
        return 2;
    if (pwrite(fd, data, 8192, 4097) != -1 || errno != EPERM)
        return 3;
    if (pwrite(fd, data, 1, 4095) != -1 || pread(fd, data, 1, 12288) != -1)
        return 4;
    if (fallocate(fd, PUNCH, 4096, 8192) != 0 || fallocate(fd, PUNCH, 4096, 8193) != -1 ||
        fallocate(fd, FALLOC_FL_ZERO_RANGE, 4096, 4096) != -1)
        return 5;
    return getppid() == -1 && errno == EPERM ? 0 : 6;
}

static int status_of(int (*fn)(int fd), int fd)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn(fd));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void the_kernel_holds_the_window(void **state)
{
    int fd = memfd_create("disk", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(WEXITSTATUS(status_of(use_window, fd)), 0);
    close(fd);
}

static int breach(int fd)
{
    struct err e;

    filter_begin(&filter);
    filter_allow(&filter, SYS_exit_group);
    if (filter_end(&filter, FILTER_KILL, &e) < 0 || filter_install(&filter, &e) < 0)
        return 1;
    return close(fd) == 0 ? 2 : 3;
}

static void a_breach_ends_the_process(void **state)
{
    int status = status_of(breach, 0);

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_listed_is_allowed),
        cmocka_unit_test(other_interfaces_end_the_process),
        cmocka_unit_test(an_int_is_compared_by_its_low_half),
        cmocka_unit_test(all_tests_of_a_rule_must_hold),
        cmocka_unit_test(several_rules_of_one_call_are_alternatives),
        cmocka_unit_test(too_many_rules_are_an_error),
        cmocka_unit_test(windows_are_exact_to_the_byte),
        cmocka_unit_test(lengths_and_offsets_at_the_bounds_of_their_type),
        cmocka_unit_test(random_ranges_agree_with_the_rule),
        cmocka_unit_test(a_disk_of_many_parts_fits),
        cmocka_unit_test(the_kernel_holds_the_window),
        cmocka_unit_test(a_breach_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
