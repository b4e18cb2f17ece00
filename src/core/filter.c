// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * filter.c: builds the program rule by rule.
 *
 * A rule is a block: its jumps go forward within it, or out of it to the first instruction of the
 * next, when the rule does not fit the call. The target of the latter is not known when they are
 * added; OUT stands in for it until the block is closed. The accumulator holds 32 bits, so a 64-bit
 * number is compared by halves.
 */
#include "core/filter.h"

#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the numbers of system calls, and the order of an argument's halves, are x86-64's"
#endif

#define X32_BIT   0x40000000U
#define SIGN_BIT  0x80000000U
#define OUT       0xff /* more than any block has */
#define CALLS_MAX 8

/* Where a range of a file is kept while it is compared. */
enum { FD, OFFSET_LOW, OFFSET_HIGH, END_LOW, END_HIGH };

/* ---- instructions ---- */

static void add(struct filter *filter, unsigned code, unsigned yes, unsigned no, uint32_t k)
{
    if (filter->n < FILTER_MAX)
        filter->code[filter->n] =
            (struct sock_filter){(uint16_t)code, (uint8_t)yes, (uint8_t)no, k};
    filter->n++;
}

static void load(struct filter *filter, size_t offset)
{
    add(filter, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

/* The processor is little-endian: the low half of an argument is the first. */
static void load_low(struct filter *filter, unsigned argument)
{
    load(filter, offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t));
}

static void load_high(struct filter *filter, unsigned argument)
{
    load(filter,
         offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t) + sizeof(uint32_t));
}

static void keep(struct filter *filter, unsigned cell)
{
    add(filter, BPF_ST, 0, 0, cell);
}

static void recall(struct filter *filter, unsigned cell)
{
    add(filter, BPF_LD | BPF_MEM, 0, 0, cell);
}

/* comparison: BPF_JEQ, BPF_JGT or BPF_JGE of the accumulator with k. */
static void jump(struct filter *filter, unsigned comparison, uint32_t k, unsigned yes, unsigned no)
{
    add(filter, BPF_JMP | comparison | BPF_K, yes, no, k);
}

static void finish(struct filter *filter, uint32_t word)
{
    add(filter, BPF_RET | BPF_K, 0, 0, word);
}

/* ---- blocks ---- */

static size_t open_block(struct filter *filter, int call)
{
    size_t start = filter->n;

    load(filter, offsetof(struct seccomp_data, nr));
    jump(filter, BPF_JEQ, (uint32_t)call, 0, OUT);
    return start;
}

static void close_block(struct filter *filter, size_t start)
{
    for (size_t i = start; i < filter->n && filter->n <= FILTER_MAX; i++) {
        struct sock_filter *at = &filter->code[i];

        if (BPF_CLASS(at->code) != BPF_JMP || BPF_OP(at->code) == BPF_JA)
            continue;
        at->jt = at->jt == OUT ? (uint8_t)(filter->n - i - 1) : at->jt;
        at->jf = at->jf == OUT ? (uint8_t)(filter->n - i - 1) : at->jf;
    }
}

/* A jump over any distance, to be landed. */
static size_t leap(struct filter *filter)
{
    add(filter, BPF_JMP | BPF_JA, 0, 0, 0);
    return filter->n - 1;
}

static void land(struct filter *filter, size_t leap)
{
    if (leap < FILTER_MAX)
        filter->code[leap].k = (uint32_t)(filter->n - leap - 1);
}

static void add_tests(struct filter *filter, const struct filter_test *tests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        load_low(filter, tests[i].argument);
        if (tests[i].mask != ~(uint32_t)0)
            add(filter, BPF_ALU | BPF_AND | BPF_K, 0, 0, tests[i].mask);
        jump(filter, BPF_JEQ, tests[i].value, 0, OUT);
    }
}

/* ---- rules ---- */

void filter_begin(struct filter *filter)
{
    filter->n = 0;
    load(filter, offsetof(struct seccomp_data, arch));
    jump(filter, BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
    finish(filter, FILTER_KILL);
    load(filter, offsetof(struct seccomp_data, nr));
    jump(filter, BPF_JGE, X32_BIT, 0, 1);
    finish(filter, FILTER_KILL);
}

void filter_allow(struct filter *filter, int call)
{
    filter_allow_if(filter, call, NULL, 0);
}

void filter_allow_all(struct filter *filter, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        filter_allow(filter, calls[i]);
}

void filter_allow_if(struct filter *filter, int call, const struct filter_test *tests, size_t n)
{
    size_t start = open_block(filter, call);

    add_tests(filter, tests, n);
    finish(filter, SECCOMP_RET_ALLOW);
    close_block(filter, start);
}

void filter_allow_fd(struct filter *filter, int call, int fd)
{
    const struct filter_test test = FILTER_IS(0, fd);

    filter_allow_if(filter, call, &test, 1);
}

void filter_allow_ioctl(struct filter *filter, unsigned long request)
{
    const struct filter_test test = FILTER_IS(1, request);

    filter_allow_if(filter, SYS_ioctl, &test, 1);
}

/* ---- windows ---- */

/* When the call is this one and its range makes sense, keeps the range and leaps: to the windows.
 * An offset below 2^63 and a length below 2^31 have a sum below 2^64. */
static size_t keep_range(struct filter *filter, const struct filter_ranged *call)
{
    size_t start = open_block(filter, call->call), found;

    add_tests(filter, call->tests, call->n_tests);
    load_high(filter, call->length);
    jump(filter, BPF_JEQ, 0, 0, OUT);
    load_high(filter, call->offset);
    jump(filter, BPF_JGE, SIGN_BIT, OUT, 0);
    keep(filter, OFFSET_HIGH);
    keep(filter, END_HIGH);
    load_low(filter, 0);
    keep(filter, FD);
    load_low(filter, call->offset);
    keep(filter, OFFSET_LOW);
    add(filter, BPF_MISC | BPF_TAX, 0, 0, 0);
    load_low(filter, call->length);
    jump(filter, BPF_JGE, SIGN_BIT, OUT, 0);
    add(filter, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    keep(filter, END_LOW);
    add(filter, BPF_JMP | BPF_JGE | BPF_X, 3, 0, 0); /* less than a summand: there is a carry */
    recall(filter, END_HIGH);
    add(filter, BPF_ALU | BPF_ADD | BPF_K, 0, 0, 1);
    keep(filter, END_HIGH);
    found = leap(filter);
    close_block(filter, start);
    return found;
}

static void compare_window(struct filter *filter, const struct filter_window *window)
{
    size_t start = filter->n;

    recall(filter, FD);
    jump(filter, BPF_JEQ, (uint32_t)window->fd, 0, OUT);
    recall(filter, OFFSET_HIGH);
    jump(filter, BPF_JGT, (uint32_t)(window->start >> 32), 3, 0);
    jump(filter, BPF_JEQ, (uint32_t)(window->start >> 32), 0, OUT);
    recall(filter, OFFSET_LOW);
    jump(filter, BPF_JGE, (uint32_t)window->start, 0, OUT);
    recall(filter, END_HIGH);
    jump(filter, BPF_JGT, (uint32_t)(window->end >> 32), OUT, 0);
    jump(filter, BPF_JEQ, (uint32_t)(window->end >> 32), 0, 2);
    recall(filter, END_LOW);
    jump(filter, BPF_JGT, (uint32_t)window->end, OUT, 0);
    finish(filter, SECCOMP_RET_ALLOW);
    close_block(filter, start);
}

void filter_allow_windows(struct filter *filter, const struct filter_ranged *calls, size_t n_calls,
                          const struct filter_window *windows, size_t n_windows)
{
    size_t found[CALLS_MAX], other;

    for (size_t i = 0; i < n_calls && i < CALLS_MAX; i++)
        found[i] = keep_range(filter, &calls[i]);
    other = leap(filter);
    for (size_t i = 0; i < n_calls && i < CALLS_MAX; i++)
        land(filter, found[i]);
    for (size_t i = 0; i < n_windows; i++)
        compare_window(filter, &windows[i]);
    land(filter, other);
}

/* ---- the end ---- */

int filter_end(struct filter *filter, uint32_t last_word, struct err *e)
{
    finish(filter, last_word);
    if (filter->n > FILTER_MAX)
        return err_set(e, ERR_FAILED, "a filter of %zu instructions, more than %d", filter->n,
                       FILTER_MAX);
    return 0;
}

int filter_install(const struct filter *filter, struct err *e)
{
    struct sock_fprog program = {(unsigned short)filter->n, (struct sock_filter *)filter->code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return err_errno(e, "restricting system calls");
    return 0;
}
