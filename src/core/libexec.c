// SPDX-License-Identifier: GPL-3.0-or-later
/* libexec.c: looks in one place after the other. */
#include "core/libexec.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>

static int open_in(const char *folder, const char *name)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC);
}

int libexec_open(const char *name, struct err *e)
{
    const char *named = getenv("BERTH_LIBEXEC");
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    int fd = named != NULL ? open_in(named, name) : -1;

    program[len > 0 ? len : 0] = '\0';
    for (int up = 0; fd < 0 && up < 2 && *program == '/'; up++)
        fd = open_in(dirname(program), name);
    if (fd < 0)
        fd = open_in(BERTH_LIBEXEC, name);
    if (fd >= 0)
        return fd;
    err_set(e, ERR_NOT_FOUND, "%s is not installed", name);
    return err_hint(e, "it belongs into %s, or the folder that BERTH_LIBEXEC names", BERTH_LIBEXEC);
}

char *libexec_path(const char *name, struct err *e)
{
    _cleanup_close_ int fd = libexec_open(name, e);
    char link[32], path[PATH_MAX];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = fd >= 0 ? readlink(link, path, sizeof(path) - 1) : -1;
    return len < 0 ? NULL : io_format(e, "%.*s", (int)len, path);
}
