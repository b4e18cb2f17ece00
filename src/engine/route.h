// SPDX-License-Identifier: GPL-3.0-or-later
/* route.h: whether the host has a way out. */
#ifndef BERTH_ENGINE_ROUTE_H
#define BERTH_ENGINE_ROUTE_H

#include <stdbool.h>

/* True when the host's main table has a default route of IPv4 or IPv6, and where that cannot be
 * read (proc_net(5), route and ipv6_route). */
bool route_is_there(void);

#endif
