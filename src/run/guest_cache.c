// SPDX-License-Identifier: GPL-3.0-or-later
/* guest_cache.c: a file gets its name when its content is on the disk. */
#include "run/guest_cache.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define PARTIAL ".partial-" /* begins the name of what is not complete yet */

/* Whoever fills one has it locked: what nobody has was left by a power cut. */
static bool is_left(int folder, const char *name)
{
    _cleanup_close_ int fd = -1;

    if (strncmp(name, PARTIAL, strlen(PARTIAL)) != 0)
        return false;
    fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Of the guest's folder only this one stays, and what another berth fills. */
static void drop_others(const char *folder, const char *name)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (*entry->d_name == '.' ? is_left(dirfd(dir), entry->d_name)
                                  : strcmp(entry->d_name, name) != 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
}

/* Fills a file without its name yet. */
static int fill(const struct guest_cache *cache, int out, struct err *e)
{
    int found = cache->fill(cache->arg, out, e);

    if (found > 0 && fdatasync(out) < 0)
        return err_errno(e, "%s", cache->kind);
    return found;
}

static int make(const struct guest_cache *cache, const char *folder, const char *path,
                struct err *e)
{
    _cleanup_free_ char *partial = io_format(e, "%s/" PARTIAL "XXXXXX", folder);
    _cleanup_close_ int out = partial != NULL ? mkostemp(partial, O_CLOEXEC) : -1;
    int found;

    if (out < 0)
        return partial == NULL ? -1 : err_errno(e, "%s", partial);
    (void)flock(out, LOCK_EX | LOCK_NB); /* nobody else knows it yet */
    found = fill(cache, out, e);
    if (found > 0 && rename(partial, path) < 0)
        found = err_errno(e, "%s", path);
    if (found <= 0)
        unlink(partial);
    return found > 0 ? steal_fd(&out) : -1;
}

int guest_cache_open(const struct guest_cache *cache, struct err *e)
{
    char uuid[GUID_TEXT];
    _cleanup_free_ char *folder =
        io_format(e, "%s/%s/%s", cache->state_folder, cache->kind, guid_print(cache->guest, uuid));
    _cleanup_free_ char *path = NULL;
    int fd;

    e->code = ERR_OK;
    if (folder == NULL || io_make_dirs(folder, e) < 0)
        return -1;
    path = io_format(e, "%s/%s", folder, cache->name);
    if (path == NULL)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 || cache->fill == NULL)
        return fd;
    fd = make(cache, folder, path, e);
    if (fd >= 0)
        drop_others(folder, cache->name);
    return fd;
}
