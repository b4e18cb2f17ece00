// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * publish.h: ports of the host that lead to ports of a guest.
 *
 * A port that names no address is the loopback's: what a guest offers is this computer's alone
 * until somebody says 0.0.0.0. Docker and the scripts around QEMU take every address, and so show a
 * fresh guest, with a password that everybody knows, to the whole network.
 */
#ifndef BERTH_ENGINE_PUBLISH_H
#define BERTH_ENGINE_PUBLISH_H

#include "core/err.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct publish {
    const char *text; /* as it was said, for messages; not owned */
    bool udp;
    char address[INET_ADDRSTRLEN]; /* of the host */
    uint16_t host, guest;          /* ports */
};

/* Parses [ADDRESS:]HOST:GUEST[/tcp|/udp]. text has to live as long as *publish. ERR_USAGE. */
int publish_parse(const char *text, struct publish *publish, struct err *e);

/* Fails unless each of the n ports can be listened on now. ERR_IN_USE for one that is taken,
 * ERR_REFUSED for one that needs a right, ERR_NOT_FOUND for an address that is not the host's. */
int publish_check(const struct publish *ports, size_t n, struct err *e);

/* Fails with ERR_REFUSED when one of them is only for who has a right that nobody has. */
int publish_check_for_nobody(const struct publish *ports, size_t n, struct err *e);

#endif
