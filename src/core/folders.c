// SPDX-License-Identifier: GPL-3.0-or-later
/* folders.c: the environment, then the customs of the system. */
#include "core/folders.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
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

static char *state_path(struct err *e)
{
    const char *state = getenv("BERTH_STATE"), *xdg = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");

    if (state != NULL && *state != '\0')
        return io_format(e, "%s", state);
    if (geteuid() == 0)
        return io_format(e, "/var/lib/berth/state");
    if (xdg != NULL && *xdg == '/')
        return io_format(e, "%s/berth", xdg);
    return io_format(e, "%s/.local/state/berth", home != NULL ? home : "/tmp");
}

char *state_folder(struct err *e)
{
    _cleanup_free_ char *path = state_path(e);

    if (path == NULL)
        return NULL;
    if (io_make_dirs(path, e) < 0) {
        hint_state(e);
        return NULL;
    }
    return steal(path);
}

/* Cuts the last name off; false when there is none. */
static bool cut_name(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL || slash[1] == '\0' || slash == path)
        return false;
    *slash = '\0';
    return true;
}

int state_folder_check(struct err *e)
{
    _cleanup_free_ char *path = state_path(e), *there = NULL;
    struct stat st;

    if (path == NULL || (there = io_format(e, "%s", path)) == NULL)
        return -1;
    while (stat(there, &st) < 0 && errno == ENOENT && cut_name(there))
        continue;
    errno = 0;
    if (faccessat(AT_FDCWD, there, W_OK | X_OK, AT_EACCESS) == 0 && stat(there, &st) == 0 &&
        S_ISDIR(st.st_mode))
        return 0;
    err_set(e, ERR_REFUSED, "writing to the folder %s: %s", path,
            strerror(errno != 0 ? errno : ENOTDIR));
    return hint_state(e);
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
