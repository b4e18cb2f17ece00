// SPDX-License-Identifier: GPL-3.0-or-later
/* folders.c: the environment, then the customs of the system. */
#include "core/folders.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <fcntl.h>
#include <unistd.h>

/* What the state folder follows from, and how to have another one. */
static int hint_state(struct err *e)
{
    const char *state = getenv("BERTH_STATE"), *xdg = getenv("XDG_STATE_HOME");

    if (state != NULL && *state != '\0')
        return err_hint(e, "BERTH_STATE says so: name a folder there that can be written to");
    return err_hint(e, "%sBERTH_STATE=FOLDER names another one",
                    geteuid() == 0               ? ""
                    : xdg != NULL && *xdg == '/' ? "XDG_STATE_HOME says so; "
                                                 : "HOME says so; ");
}

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
    if (path == NULL)
        return NULL;
    if (io_make_dirs(path, e) < 0) {
        hint_state(e);
        return NULL;
    }
    return steal(path);
}

int state_folder_check(struct err *e)
{
    _cleanup_free_ char *path = state_folder(e);

    if (path != NULL && faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0)
        return 0;
    if (path != NULL) {
        err_errno(e, "writing to the folder %s", path);
        hint_state(e);
    }
    if (e->code != ERR_NO_MEMORY)
        e->code = ERR_REFUSED;
    return -1;
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
