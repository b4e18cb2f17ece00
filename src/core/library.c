// SPDX-License-Identifier: GPL-3.0-or-later
/* library.c: finds a library's functions. */
#include "core/library.h"
#include "core/io.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

/* The last slot is filled only when all others are. */
static int find_calls(void *library, const char *soname, const struct library_call *calls, size_t n,
                      struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        void *found = dlsym(library, calls[i].name);

        if (found == NULL)
            return err_set(e, ERR_UNSUPPORTED, "%s has no %s", soname, calls[i].name);
        *calls[i].slot = found;
    }
    return 0;
}

static int load(const char *soname, const char *package, const struct library_call *calls, size_t n,
                struct err *e)
{
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        err_set(e, ERR_UNSUPPORTED, "%s", dlerror());
        return err_hint(e, "apt-get install %s", package);
    }
    if (find_calls(library, soname, calls, n, e) == 0)
        return 0;
    dlclose(library);
    return -1;
}

int library_load(const char *soname, const char *package, const struct library_call *calls,
                 size_t n, struct err *e)
{
    int result = 0;

    pthread_mutex_lock(&loading);
    if (*calls[n - 1].slot == NULL)
        result = load(soname, package, calls, n, e);
    pthread_mutex_unlock(&loading);
    return result;
}

char *library_path(const char *soname, struct err *e)
{
    void *library = dlopen(soname, RTLD_NOW | RTLD_NOLOAD);
    struct link_map *map = NULL;
    char *path = NULL;

    if (library != NULL && dlinfo(library, RTLD_DI_LINKMAP, &map) == 0)
        path = io_format(e, "%s", map->l_name);
    else
        err_set(e, ERR_NOT_FOUND, "%s is not loaded", soname);
    if (library != NULL)
        dlclose(library);
    return path;
}
