// SPDX-License-Identifier: GPL-3.0-or-later
/* spawn.h: runs external tools by an argument array, never through a shell. */
#ifndef BERTH_CORE_SPAWN_H
#define BERTH_CORE_SPAWN_H

#include "core/err.h"
#include "core/jail.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct spawn {
    const char *const
        *argv;              /* NULL at the end; argv[0] is looked up in PATH and the sbin folders */
    const char *const *env; /* "NAME=value" entries to set beside the inherited ones, or NULL */
    const char *const *unset; /* names to leave out of the environment, or NULL */
    int stdin_fd;             /* -1: /dev/null */
    int stdout_fd;            /* -1: captured (spawn_run), or standard error (spawn_start) */
    bool merge_stderr;        /* standard error goes where standard output goes */
    bool own_session;         /* a terminal's Ctrl-C is not for it */
    bool inherit_stderr;      /* else the last lines of it go into the error's text */
    const struct jail_fds
        *keep;   /* above 2 it gets these and no other; NULL: all that are inherited */
    int *status; /* spawn_run: where its exit status goes, none of which is a failure then; or NULL
                  */
};

/* Runs the tool to its end. Its standard output goes to *out (new, NUL-terminated, the caller
 * frees; NULL: dropped) unless stdout_fd is set. ERR_NOT_FOUND with a hint naming the Debian
 * package when the tool is missing, ERR_TOOL with its own words when it fails. */
int spawn_run(const struct spawn *spawn, char **out, struct err *e);

/* spawn_run with only an argument list: spawn_tool(&out, e, "mke2fs", "-q", path, NULL). */
int spawn_tool(char **out, struct err *e, const char *argv0, ...) __attribute__((sentinel));

/* Starts the tool and returns its pid in *pid; the caller waits for it. Its standard error is ours,
 * unless merge_stderr is set. */
int spawn_start(const struct spawn *spawn, pid_t *pid, struct err *e);

/* Where the tool is (PATH, then /usr/sbin:/sbin), a new string; NULL when it is nowhere. */
char *spawn_find(const char *tool);

/* The same as an error: ERR_NOT_FOUND, with the package that has it as the hint. */
int spawn_locate(const char *tool, char **path, struct err *e);

/* The Debian package that has the tool, or NULL when not known. */
const char *spawn_package(const char *tool);

#endif
