// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_server.c: nbd_serve in a process of its own. */
#include "engine/disk_server.h"
#include "core/cleanup.h"
#include "engine/nbd.h"

#include <sys/socket.h>

struct service {
    int sock;
    struct blockdev *bd;
};

static int serve(void *arg, struct err *e)
{
    struct service *service = arg;

    return nbd_serve(service->sock, service->bd, e);
}

int disk_server_start(struct blockdev *bd, const struct jail_fds *fds, const char *what,
                      struct jail_child *server, int *client, struct err *e)
{
    struct jail_options jail = {
        .profile = JAIL_SERVER, .what = what, .keep = *fds, .outlives_parent = true};
    struct service service = {.bd = bd};
    int ends[2], result;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_errno(e, "a socket for %s", what);
    service.sock = ends[0];
    result = jail_fds_add(&jail.keep, ends[0], e);
    if (result == 0)
        result = jail_start(&jail, serve, &service, server, e);
    close(ends[0]);
    if (result < 0)
        close(ends[1]);
    else
        *client = ends[1];
    return result;
}
