// SPDX-License-Identifier: GPL-3.0-or-later
/* net.h: the network that a guest is given: none, one like a user's program has (passt, or what
 * QEMU brings), or a tap device of the host. */
#ifndef BERTH_ENGINE_NET_H
#define BERTH_ENGINE_NET_H

#include "core/err.h"
#include "engine/publish.h"

enum net_kind { NET_NONE, NET_USER, NET_TAP };

#define NET_WORDS "user, none or tap=INTERFACE"

struct net {
    enum net_kind kind;
    int tap;                     /* NET_TAP: a frame in each read and write, without waiting */
    const struct publish *ports; /* NET_USER: n_ports of the host's that lead to the guest */
    size_t n_ports;
};

/* Fails with ERR_USAGE unless the text is one of NET_WORDS. */
int net_check(const char *text, struct err *e);

/*
 * Opens it. ports: not copied. ERR_USAGE for ports of another network than "user"; of a tap
 * ERR_NOT_FOUND when there is no such interface, ERR_UNSUPPORTED when it is of another kind,
 * ERR_REFUSED when it is somebody else's, ERR_IN_USE; of ports, what publish_check says.
 */
int net_open(const char *text, const struct publish *ports, size_t n_ports, struct net *net,
             struct err *e);
/* The same for one that was open when this process was another program: nobody else has its ports
 * or its tap meanwhile. tap becomes the network's. */
int net_go_on(const char *text, const struct publish *ports, size_t n_ports, int tap,
              struct net *net, struct err *e);

void net_close(struct net *net);

#endif
