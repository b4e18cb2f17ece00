// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * jail_calls.c: the lists of system calls, by profile. None of them opens, connects, makes a
 * process or maps executable memory.
 */
#include "core/jail_calls.h"
#include "core/filter.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int read_calls[] = {SYS_read, SYS_pread64, SYS_readv, SYS_preadv, SYS_lseek};

/* What the C library needs to run at all. */
static const int common_calls[] = {
    SYS_close,       SYS_fstat,         SYS_brk,
    SYS_munmap,      SYS_mremap,        SYS_madvise,
    SYS_futex,       SYS_rt_sigreturn,  SYS_rt_sigprocmask,
    SYS_getrandom,   SYS_clock_gettime, SYS_gettimeofday,
    SYS_time,        SYS_sysinfo, /* glibc's qsort asks how much memory there is */
    SYS_exit,        SYS_exit_group,    SYS_restart_syscall,
    SYS_sigaltstack, /* its own memory; AddressSanitizer asks before it exits */
};

/* On descriptors it already has: writing, flushing, allocating, and a connected socket. */
static const int server_calls[] = {
    SYS_write,     SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_fsync,   SYS_fdatasync,
    SYS_fallocate, SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_sendmsg, SYS_poll,
};

/* What a block device is asked for, and what fcntl may show. */
static const unsigned long server_ioctls[] = {BLKDISCARD, BLKZEROOUT, BLKFLSBUF};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Memory, but none that can be executed; fstat in the form that newer C libraries use. */
static void allow_checked(struct filter *filter)
{
    const struct filter_test not_executable = {2, PROT_EXEC, 0};
    const struct filter_test of_descriptor = FILTER_IS(3, AT_EMPTY_PATH);
    const struct filter_test asks_flags = FILTER_IS(1, F_GETFL);

    filter_allow_if(filter, SYS_mmap, &not_executable, 1);
    filter_allow_if(filter, SYS_mprotect, &not_executable, 1);
    filter_allow_if(filter, SYS_newfstatat, &of_descriptor, 1);
    filter_allow_if(filter, SYS_fcntl, &asks_flags, 1);
}

static void allow_write_to(struct filter *filter, int fd)
{
    filter_allow_fd(filter, SYS_write, fd);
    filter_allow_fd(filter, SYS_pwrite64, fd);
}

static void allow_reader(struct filter *filter, const struct jail_options *options)
{
    filter_allow_all(filter, read_calls, COUNT(read_calls));
    if (options->report > 0)
        allow_write_to(filter, options->report);
    for (size_t i = 0; i < options->n_write; i++)
        allow_write_to(filter, options->write[i]);
}

static void allow_server(struct filter *filter)
{
    filter_allow_all(filter, read_calls, COUNT(read_calls));
    filter_allow_all(filter, server_calls, COUNT(server_calls));
    for (size_t i = 0; i < COUNT(server_ioctls); i++)
        filter_allow_ioctl(filter, server_ioctls[i]);
}

static void allow_tool(struct filter *filter, const struct jail_options *options)
{
    const struct filter_ranged read_at = {.call = SYS_pread64, .offset = 3, .length = 2};

    filter_allow_windows(filter, &read_at, 1, options->windows, options->n_windows);
    for (size_t i = 0; i < options->n_windows; i++)
        filter_allow_fd(filter, SYS_dup, options->windows[i].fd);
    filter_allow(filter, SYS_lseek); /* where nothing is read or written, a position is nothing */
    filter_allow_fd(filter, SYS_write, STDOUT_FILENO);
    filter_allow_fd(filter, SYS_write, STDERR_FILENO);
}

/* Other people's code tries what it can do without. */
static bool may_go_on(enum jail_profile profile)
{
    return profile == JAIL_TOOL || profile == JAIL_PROBER;
}

int jail_calls_restrict(const struct jail_options *options, struct err *e)
{
    struct filter filter;

    filter_begin(&filter);
    filter_allow_all(&filter, common_calls, COUNT(common_calls));
    allow_checked(&filter);
    if (options->profile == JAIL_SERVER)
        allow_server(&filter);
    else if (options->profile == JAIL_TOOL)
        allow_tool(&filter, options);
    else
        allow_reader(&filter, options);
    return filter_end(&filter, may_go_on(options->profile) ? FILTER_FAIL : FILTER_KILL, e) < 0
               ? -1
               : filter_install(&filter, e);
}
