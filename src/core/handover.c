// SPDX-License-Identifier: GPL-3.0-or-later
/* handover.c: one list for the process, looked through by file or by word. */
#include "core/handover.h"
#include "core/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct handover installed;

int handover_add(struct handover *handover, const char *what, int fd, struct err *e)
{
    struct handover_entry *entry = &handover->entries[handover->n];

    for (uint32_t i = 0; i < handover->n; i++)
        if (handover->entries[i].fd == fd)
            return 0;
    if (handover->n == HANDOVER_MAX)
        return err_set(e, ERR_UNSUPPORTED, "more than %d descriptors to be kept", HANDOVER_MAX);
    entry->fd = fd;
    snprintf(entry->what, sizeof(entry->what), "%s", what);
    handover->n++;
    return 0;
}

void handover_close(struct handover *handover)
{
    for (uint32_t i = 0; i < handover->n; i++)
        close(handover->entries[i].fd);
    handover->n = 0;
}

void handover_install(const struct handover *handover)
{
    installed = *handover;
}

static bool serves(const struct handover_entry *entry, const struct stat *wanted, int flags)
{
    int has = fcntl(entry->fd, F_GETFL);
    struct stat st;

    if (has < 0 || ((has & O_ACCMODE) != O_RDWR && (has & O_ACCMODE) != (flags & O_ACCMODE)))
        return false;
    return fstat(entry->fd, &st) == 0 && io_same_file(&st, wanted);
}

int handover_open(const char *path, int flags)
{
    struct stat wanted;

    if (installed.n > 0 && stat(path, &wanted) == 0)
        for (uint32_t i = 0; i < installed.n; i++)
            if (serves(&installed.entries[i], &wanted, flags))
                return fcntl(installed.entries[i].fd, F_DUPFD_CLOEXEC, 0);
    return open(path, flags | O_CLOEXEC);
}

int handover_copy(const char *what)
{
    for (uint32_t i = 0; i < installed.n; i++)
        if (strcmp(installed.entries[i].what, what) == 0)
            return fcntl(installed.entries[i].fd, F_DUPFD_CLOEXEC, 0);
    return -1;
}
