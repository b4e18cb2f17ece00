// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * hub.h: the socket at which a running guest is asked about and talked to: `berth ps`, `console`
 * and `stop` are its clients. Packets over SOCK_SEQPACKET; who may connect is who may open the
 * socket's path, its owner and root.
 *
 * The struct is plain bytes with descriptor numbers in it, so that it can be handed to a next
 * program with everybody still connected.
 */
#ifndef BERTH_ENGINE_HUB_H
#define BERTH_ENGINE_HUB_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HUB_CLIENTS 8
#define HUB_BYTES   4096
#define HUB_RECENT  8192
#define HUB_PATH    512

enum hub_kind {
    /* from a client */
    HUB_ASK,       /* answered with HUB_STATUS */
    HUB_ATTACH,    /* it wants to see what the guest says, beginning with the last of it */
    HUB_TYPE,      /* bytes for the guest */
    HUB_WINDOW,    /* its terminal's size */
    HUB_POWER_OFF, /* the power button */
    HUB_END,       /* end the guest at once */
    /* to a client */
    HUB_STATUS,
    HUB_SHOW, /* bytes from the guest */
    HUB_OVER, /* status: berth run's exit status; bytes: why, when it crashed */
};

struct hub_packet {
    uint32_t kind;
    uint16_t columns, rows; /* HUB_WINDOW */
    uint32_t lacks;         /* HUB_STATUS: what of the engine's sandbox the host denied */
    uint16_t attached;      /* HUB_STATUS: how many see it */
    uint8_t asked;          /* HUB_STATUS: it was asked to power off */
    uint8_t status;         /* HUB_OVER */
    uint32_t n;
    char bytes[HUB_BYTES]; /* the first n are sent */
};

struct hub {
    int32_t listen; /* -1: nobody can connect */
    struct hub_client {
        int32_t fd; /* -1: free */
        uint8_t attached;
    } clients[HUB_CLIENTS];
    uint32_t lacks;
    uint8_t foreground; /* somebody sees it on the terminal it was started from */
    uint8_t asked;
    uint32_t at, n; /* of recent, a ring */
    char recent[HUB_RECENT];
    /* Paths, removed when it is over; or empty. machine: where the engine itself listens. */
    char socket[HUB_PATH], card[HUB_PATH], machine[HUB_PATH];
};

/* Without a socket. */
void hub_init(struct hub *hub);

/* Takes a new client. */
void hub_accept(struct hub *hub);

/* Reads one packet of client i, answers what the hub itself can, and drops one that is gone. True
 * when the packet is for the caller: TYPE, WINDOW, POWER_OFF or END. */
bool hub_take(struct hub *hub, size_t i, struct hub_packet *packet);

/* Shows what the guest said to everybody attached. Who does not keep up misses some. */
void hub_show(struct hub *hub, const char *bytes, size_t n);

/* Tells everybody how it ended, removes the paths and closes everything. */
void hub_over(struct hub *hub, int status, const char *why);

/* One packet with its first packet->n bytes; waits. 0, or -1 with errno. */
int hub_send(int fd, const struct hub_packet *packet);

/* Receives one and checks its length. 1, 0 at the end, -1 with errno. */
int hub_receive(int fd, struct hub_packet *packet, int flags);

#endif
