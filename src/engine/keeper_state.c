// SPDX-License-Identifier: GPL-3.0-or-later
/* keeper_state.c: the struct through a memory file, its descriptors through exec. */
#include "core/cleanup.h"
#include "core/io.h"
#include "engine/keeper.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define MAGIC    0x3252504545ULL /* "EEPR2": changes with the struct */
#define VARIABLE "BERTH_KEEPER"

/* Sets or clears FD_CLOEXEC of every descriptor. One that is none any more is an error. */
static int mark(const struct keeper *keeper, int flag, struct err *e)
{
    const int own[] = {keeper->pidfd,   keeper->serial, keeper->console,
                       keeper->machine, keeper->words,  keeper->hub.listen};
    int result = 0;

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (own[i] >= 0)
            result |= fcntl(own[i], F_SETFD, flag);
    for (size_t i = 0; i < HUB_CLIENTS; i++)
        if (keeper->hub.clients[i].fd >= 0)
            result |= fcntl(keeper->hub.clients[i].fd, F_SETFD, flag);
    for (uint32_t i = 0; i < keeper->held.n; i++)
        result |= fcntl(keeper->held.entries[i].fd, F_SETFD, flag);
    return result < 0 ? err_errno(e, "%s: a descriptor of it", keeper->name) : 0;
}

int keeper_pass(const struct keeper *keeper, const char *path, char *const *argv, struct err *e)
{
    _cleanup_close_ int fd = memfd_create("keeper", 0);
    struct keeper written = *keeper;
    char number[16];

    written.magic = MAGIC;
    if (fd < 0)
        return err_errno(e, "a memory file");
    if (io_pwrite(fd, &written, sizeof(written), 0, e) < 0 || mark(keeper, 0, e) < 0)
        return -1;
    snprintf(number, sizeof(number), "%d", fd);
    if (setenv(VARIABLE, number, 1) < 0)
        return err_no_memory(e);
    execv(path, argv);
    err_errno(e, "starting %s", path);
    unsetenv(VARIABLE);
    return -1;
}

int keeper_receive(struct keeper *keeper, struct err *e)
{
    const char *number = getenv(VARIABLE);
    _cleanup_close_ int fd = number != NULL ? atoi(number) : -1;

    unsetenv(VARIABLE);
    if (fd <= STDERR_FILENO)
        return err_set(e, ERR_NOT_FOUND, "no guest was left to this program");
    if (io_pread(fd, keeper, sizeof(*keeper), 0, e) < 0)
        return err_wrap(e, "what %s says", VARIABLE);
    if (keeper->magic != MAGIC || keeper->held.n > HANDOVER_MAX)
        return err_set(e, ERR_USAGE, "%s is for another berth", VARIABLE);
    keeper->name[sizeof(keeper->name) - 1] = keeper->program[sizeof(keeper->program) - 1] = '\0';
    keeper->hub.socket[HUB_PATH - 1] = keeper->hub.card[HUB_PATH - 1] = '\0';
    return mark(keeper, FD_CLOEXEC, e);
}
