// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_server.h: a jailed process that serves a blockdev to an engine (nbd.h). It outlives the
 * process that started it until the engine has left and everything is flushed, and so do the claims
 * that are in its descriptors. */
#ifndef BERTH_ENGINE_DISK_SERVER_H
#define BERTH_ENGINE_DISK_SERVER_H

#include "block/blockdev.h"
#include "core/jail.h"

/* Starts it; jail_wait ends it. fds: the descriptors that bd uses. what: for messages. *client is
 * the engine's end of its socket, the caller's to close. */
int disk_server_start(struct blockdev *bd, const struct jail_fds *fds, const char *what,
                      struct jail_child *server, int *client, struct err *e);

#endif
