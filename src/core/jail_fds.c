// SPDX-License-Identifier: GPL-3.0-or-later
/* jail_fds.c: lists of open descriptors, and closing what is on none. */
#include "core/cleanup.h"
#include "core/jail.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <unistd.h>

static int compare_fds(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static bool list_has(const struct jail_fds *list, int fd)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->fds[i] == fd)
            return true;
    return false;
}

int jail_fds_add(struct jail_fds *list, int fd, struct err *e)
{
    if (list_has(list, fd))
        return 0;
    if (list->n == JAIL_MAX_FDS)
        return err_set(e, ERR_FAILED, "more than %d open descriptors", JAIL_MAX_FDS);
    list->fds[list->n++] = fd;
    return 0;
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        closedir(*folder);
}

int jail_list_fds(struct jail_fds *list, struct err *e)
{
    _cleanup_(close_folder) DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;

    if (folder == NULL)
        return err_errno(e, "/proc/self/fd");
    list->n = 0;
    while ((entry = readdir(folder)) != NULL) {
        int fd = atoi(entry->d_name);

        if (fd > STDERR_FILENO && fd != dirfd(folder) && jail_fds_add(list, fd, e) < 0)
            return -1;
    }
    return 0;
}

int jail_fds_since(const struct jail_fds *before, struct jail_fds *list, struct err *e)
{
    struct jail_fds now;

    if (jail_list_fds(&now, e) < 0)
        return -1;
    for (size_t i = 0; i < now.n; i++)
        if (!list_has(before, now.fds[i]) && jail_fds_add(list, now.fds[i], e) < 0)
            return -1;
    return 0;
}

int jail_close_fds(const struct jail_fds *keep, struct err *e)
{
    struct jail_fds sorted = *keep;
    unsigned from = STDERR_FILENO + 1;

    qsort(sorted.fds, sorted.n, sizeof(sorted.fds[0]), compare_fds);
    for (size_t i = 0; i < sorted.n; i++) {
        unsigned fd = (unsigned)sorted.fds[i];

        if (fd > from && close_range(from, fd - 1, 0) < 0)
            return err_errno(e, "closing descriptors");
        from = fd + 1;
    }
    return close_range(from, ~0U, 0) < 0 ? err_errno(e, "closing descriptors") : 0;
}

int jail_close_inherited(struct err *e)
{
    struct jail_fds open_now;

    if (jail_list_fds(&open_now, e) < 0)
        return -1;
    for (size_t i = 0; i < open_now.n; i++)
        if ((fcntl(open_now.fds[i], F_GETFD) & FD_CLOEXEC) == 0)
            close(open_now.fds[i]);
    return 0;
}
