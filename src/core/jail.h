// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * jail.h: the one sandbox. A process that handles what others wrote (a guest's filesystem, a
 * guest's disk requests) opens what it needs, enters the jail and only then looks at the first
 * byte.
 *
 * Inside: no new privileges, no other descriptors, no core dump, not traceable; started as root, no
 * root any more; where the kernel allows it, namespaces without System V objects or rights, and for
 * a server without network; Landlock with no rule, where the kernel has it; and a short list of
 * system calls, any other of which ends the process.
 */
#ifndef BERTH_CORE_JAIL_H
#define BERTH_CORE_JAIL_H

#include "core/err.h"
#include "core/filter.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum jail_profile {
    JAIL_READER, /* reads its descriptors at any offset, writes to `write` only */
    JAIL_PROBER, /* the same by somebody else's library: whatever else it tries fails instead of
                    ending it */
    JAIL_SERVER, /* reads, writes and punches its descriptors, talks over its sockets */
    JAIL_TOOL,   /* somebody else's program (preload/tool_jail.h): reads its windows with pread,
                    writes at most 1 GiB to standard output and error, and fails likewise */
};

#define JAIL_MAX_FDS 256

struct jail_fds {
    int fds[JAIL_MAX_FDS];
    size_t n;
};

struct jail_options {
    enum jail_profile profile;
    const char *what;     /* for messages: "the reader of dev's kernel" */
    struct jail_fds keep; /* all above 2; 0 to 2 become /dev/null (of a tool only 0), every other
                             is closed */
    const int *write;     /* JAIL_READER: the descriptors it may write to */
    size_t n_write;
    const struct filter_window *windows; /* JAIL_TOOL: all that it may read */
    size_t n_windows;
    int report;           /* set by jail_start: where the err goes; else 0 */
    pid_t parent;         /* set by jail_start; else 0 */
    bool outlives_parent; /* else it ends with the process that started it */
};

/* Puts the calling process into the jail; there is no way out. A namespace that cannot be had is
 * done without; everything else that fails is an error. */
int jail_enter(const struct jail_options *options, struct err *e);

typedef int jail_fn(void *arg, struct err *e);

struct jail_child {
    pid_t pid;
    int report; /* read end of a pipe that brings the err */
    const char *what;
};

/* Forks a child that enters the jail, runs fn and ends. */
int jail_start(const struct jail_options *options, jail_fn *fn, void *arg, struct jail_child *child,
               struct err *e);

/* Waits for it. Returns -1 with the err of fn, or one that says how the child was stopped. */
int jail_wait(struct jail_child *child, struct err *e);

/* jail_start and jail_wait. */
int jail_run(const struct jail_options *options, jail_fn *fn, void *arg, struct err *e);

/* Lists the open descriptors of this process above 2. */
int jail_list_fds(struct jail_fds *list, struct err *e);

/* Appends to `list` the descriptors that are open now and were not when `before` was listed: those
 * of everything opened in between. */
int jail_fds_since(const struct jail_fds *before, struct jail_fds *list, struct err *e);

/* Closes every descriptor above 2 that is not listed. */
int jail_close_fds(const struct jail_fds *keep, struct err *e);

/* Closes what the program that started this one left open above 2: all that is not closed on exec,
 * which nothing of berth's own is. */
int jail_close_inherited(struct err *e);

/* Nothing where it is listed already. */
int jail_fds_add(struct jail_fds *list, int fd, struct err *e);

#endif
