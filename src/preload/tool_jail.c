// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * tool_jail.c: the jail's profile for a tool, entered from the inside: exec has been done, and the
 * program's libraries are loaded. Where it can open nothing any more, every folder looks empty:
 * GRUB's program looks at "/" first, and gives up when it may not.
 */
#include "preload/tool_jail.h"
#include "core/jail.h"
#include "preload/public.h"

#include <dirent.h>
#include <dlfcn.h>

static bool entered;

int tool_jail_enter(const struct filter_window *windows, size_t n_windows)
{
    struct jail_options options = {
        .profile = JAIL_TOOL, .what = "a tool", .windows = windows, .n_windows = n_windows};
    struct err e;

    for (size_t i = 0; i < n_windows; i++)
        if (jail_fds_add(&options.keep, windows[i].fd, &e) < 0)
            return -1;
    if (jail_enter(&options, &e) < 0)
        return -1;
    entered = true;
    return 0;
}

/* Stands for an open folder without an entry. */
static DIR *const empty = (DIR *)&entered;

PUBLIC DIR *opendir(const char *path)
{
    static DIR *(*real)(const char *);

    if (entered)
        return empty;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "opendir");
    return real(path);
}

PUBLIC struct dirent *readdir(DIR *folder)
{
    static struct dirent *(*real)(DIR *);

    if (folder == empty)
        return NULL;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "readdir");
    return real(folder);
}
SAME_AS(readdir) struct dirent64 *readdir64(DIR *folder);

PUBLIC int closedir(DIR *folder)
{
    static int (*real)(DIR *);

    if (folder == empty)
        return 0;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "closedir");
    return real(folder);
}
