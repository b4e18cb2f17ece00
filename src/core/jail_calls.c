// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * jail_calls.c: the lists of system calls, by profile. None of them opens, connects, makes a
 * process or maps executable memory.
 */
#include "core/jail_calls.h"
#include "core/cleanup.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>

/* What the C library needs to run at all, and reading. */
static const int common_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(readv),
    SCMP_SYS(preadv),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(sysinfo), /* glibc's qsort asks how much memory there is */
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sigaltstack), /* its own memory; AddressSanitizer asks before it exits */
};

/* On descriptors it already has: writing, flushing, allocating, and a connected socket. */
static const int server_calls[] = {
    SCMP_SYS(write),  SCMP_SYS(pwrite64),  SCMP_SYS(writev),    SCMP_SYS(pwritev),
    SCMP_SYS(fsync),  SCMP_SYS(fdatasync), SCMP_SYS(fallocate), SCMP_SYS(recvfrom),
    SCMP_SYS(sendto), SCMP_SYS(recvmsg),   SCMP_SYS(sendmsg),   SCMP_SYS(poll),
};

/* What a block device is asked for, and what fcntl may show. */
static const unsigned long server_ioctls[] = {BLKDISCARD, BLKZEROOUT, BLKFLSBUF};

static void release(scmp_filter_ctx *filter)
{
    if (*filter != NULL)
        seccomp_release(*filter);
}

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t n)
{
    int result = 0;

    for (size_t i = 0; i < n && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    return result;
}

/* Memory, but none that can be executed; fstat in the form that newer C libraries use. */
static int allow_checked(scmp_filter_ctx filter)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                  SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH, 0));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, F_GETFL, 0));
    return result;
}

static int allow_write_to(scmp_filter_ctx filter, int fd)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd, 0));

    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(pwrite64), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd, 0));
    return result;
}

static int allow_reader(scmp_filter_ctx filter, const struct jail_options *options)
{
    int result = options->report > 0 ? allow_write_to(filter, options->report) : 0;

    for (size_t i = 0; i < options->n_write && result == 0; i++)
        result = allow_write_to(filter, options->write[i]);
    return result;
}

static int allow_server(scmp_filter_ctx filter)
{
    int result = allow_all(filter, server_calls, sizeof(server_calls) / sizeof(server_calls[0]));

    for (size_t i = 0; i < sizeof(server_ioctls) / sizeof(server_ioctls[0]) && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, server_ioctls[i], 0));
    return result;
}

int jail_calls_restrict(const struct jail_options *options, struct err *e)
{
    _cleanup_(release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int result;

    if (filter == NULL)
        return err_no_memory(e);
    result = allow_all(filter, common_calls, sizeof(common_calls) / sizeof(common_calls[0]));
    if (result == 0)
        result = allow_checked(filter);
    if (result == 0)
        result =
            options->profile == JAIL_SERVER ? allow_server(filter) : allow_reader(filter, options);
    if (result == 0)
        result = seccomp_load(filter);
    if (result == 0)
        return 0;
    errno = -result;
    return err_errno(e, "restricting system calls");
}
