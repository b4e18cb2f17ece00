// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * filter.h: lists of system calls as programs that the kernel runs before each call.
 *
 * A filter is built as plain data and installed at the end. It allows what a rule allows; anything
 * else gets its last word. A call of another architecture or of the x32 interface always ends the
 * process. Rules are asked in the order they were added.
 *
 * Source: Linux Documentation/userspace-api/seccomp_filter.rst,
 * Documentation/networking/filter.rst.
 */
#ifndef BERTH_CORE_FILTER_H
#define BERTH_CORE_FILTER_H

#include "core/err.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_MAX 4096 /* instructions: the kernel's own bound */

#define FILTER_KILL SECCOMP_RET_KILL_PROCESS             /* the usual last word */
#define FILTER_FAIL (SECCOMP_RET_ERRNO | 1U /* EPERM */) /* for programs of others */

struct filter {
    struct sock_filter code[FILTER_MAX];
    size_t n; /* more than FILTER_MAX: it did not fit, and cannot be installed */
};

/* Of a call's argument 0 to 5: its low 32 bits, all that the kernel takes of an int, have `value`
 * where `mask` has ones. */
struct filter_test {
    unsigned argument;
    uint32_t mask, value;
};

#define FILTER_IS(argument, value)                                                                 \
    {                                                                                              \
        (argument), ~(uint32_t)0, (uint32_t)(value)                                                \
    }

/* A call that names a range of a file: which of its arguments are the offset and the length in
 * bytes; argument 0 is the descriptor. */
struct filter_ranged {
    int call;
    unsigned offset, length;
    const struct filter_test *tests; /* that must hold too */
    size_t n_tests;
};

/* The bytes of fd from start to the one before end, which is at most 2^63 - 1. */
struct filter_window {
    int fd;
    uint64_t start, end;
};

void filter_begin(struct filter *filter);

/* Allows a call with any arguments. */
void filter_allow(struct filter *filter, int call);
void filter_allow_all(struct filter *filter, const int *calls, size_t n);

/* Allows a call when all tests hold; and when its first argument is fd. */
void filter_allow_if(struct filter *filter, int call, const struct filter_test *tests, size_t n);
void filter_allow_fd(struct filter *filter, int call, int fd);

/* Allows ioctl with this request, on any descriptor. */
void filter_allow_ioctl(struct filter *filter, unsigned long request);

/* Allows each of the calls when its range lies wholly within one of the windows, to the byte:
 * start <= offset and offset + length <= end. Longer ranges than 2^31 - 1 bytes are never allowed;
 * no sum overflows. */
void filter_allow_windows(struct filter *filter, const struct filter_ranged *calls, size_t n_calls,
                          const struct filter_window *windows, size_t n_windows);

/* Ends it. last_word: a SECCOMP_RET_ value for every call that no rule allows. ERR_FAILED when
 * there are too many rules. */
int filter_end(struct filter *filter, uint32_t last_word, struct err *e);

/* Binds the calling thread, and all it will start, to an ended filter. no_new_privs is set. */
int filter_install(const struct filter *filter, struct err *e);

#endif
