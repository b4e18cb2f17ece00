// SPDX-License-Identifier: GPL-3.0-or-later
/* folders.c: the environment, then the customs of the system. */
#include "core/folders.h"
#include "core/cleanup.h"
#include "core/io.h"

char *state_folder(struct err *e)
{
    const char *state = getenv("BERTH_STATE"), *xdg = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");
    _cleanup_free_ char *path = NULL;

    if (state != NULL && *state != '\0')
        path = io_format(e, "%s", state);
    else if (geteuid() == 0)
        path = io_format(e, "/var/lib/berth/state");
    else if (xdg != NULL && *xdg == '/')
        path = io_format(e, "%s/berth", xdg);
    else
        path = io_format(e, "%s/.local/state/berth", home != NULL ? home : "/tmp");
    if (path == NULL || io_make_dirs(path, e) < 0)
        return NULL;
    return steal(path);
}

char *runtime_folder(struct err *e)
{
    const char *runtime = getenv("BERTH_RUNTIME"), *xdg = getenv("XDG_RUNTIME_DIR");
    _cleanup_free_ char *path = NULL, *state = NULL;

    if (runtime != NULL && *runtime != '\0')
        path = io_format(e, "%s", runtime);
    else if (geteuid() == 0)
        path = io_format(e, "/run/berth");
    else if (xdg != NULL && *xdg == '/')
        path = io_format(e, "%s/berth", xdg);
    else if ((state = state_folder(e)) != NULL)
        path = io_format(e, "%s/run", state);
    return path == NULL || io_make_dirs(path, e) < 0 ? NULL : steal(path);
}
