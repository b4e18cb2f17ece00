// SPDX-License-Identifier: GPL-3.0-or-later
/* publish.c: the words of --publish, and whether the host has such a port. */
#include "engine/publish.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <string.h>
#include <sys/socket.h>

#define LOOPBACK   "127.0.0.1"
#define FIRST_FREE "/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define FORM       "[ADDRESS:]HOST:GUEST[/tcp|/udp], as in 8022:22"

/* ---- parsing ---- */

static int wrong(const char *text, struct err *e)
{
    return err_set(e, ERR_USAGE, "--publish %s: expected " FORM, text);
}

/* Takes a port at *at, up to what is no digit. */
static bool take_port(const char **at, uint16_t *port)
{
    unsigned long number = 0;
    const char *start = *at;

    for (; **at >= '0' && **at <= '9' && number <= UINT16_MAX; (*at)++)
        number = number * 10 + (unsigned long)(**at - '0');
    *port = (uint16_t)number;
    return *at > start && number > 0 && number <= UINT16_MAX;
}

/* The address in front of the first of two colons; with one colon there is none. Returns where the
 * ports begin, NULL when it is no address. */
static const char *take_address(const char *text, char address[INET_ADDRSTRLEN])
{
    const char *first = strchr(text, ':'), *last = strrchr(text, ':');
    struct in_addr ignored;

    snprintf(address, INET_ADDRSTRLEN, LOOPBACK);
    if (first == last)
        return text;
    if (first - text >= INET_ADDRSTRLEN)
        return NULL;
    snprintf(address, INET_ADDRSTRLEN, "%.*s", (int)(first - text), text);
    return inet_pton(AF_INET, address, &ignored) == 1 ? first + 1 : NULL;
}

int publish_parse(const char *text, struct publish *publish, struct err *e)
{
    const char *at = take_address(text, publish->address);

    publish->text = text;
    if (at == NULL || !take_port(&at, &publish->host) || *at++ != ':' ||
        !take_port(&at, &publish->guest))
        return wrong(text, e);
    publish->udp = strcmp(at, "/udp") == 0;
    return publish->udp || *at == '\0' || strcmp(at, "/tcp") == 0 ? 0 : wrong(text, e);
}

/* ---- looking ---- */

static const char *protocol(const struct publish *port)
{
    return port->udp ? "UDP" : "TCP";
}

static int needs_right(const struct publish *port, const char *who, struct err *e)
{
    err_set(e, ERR_REFUSED, "--publish %s: %s may not listen on port %u", port->text, who,
            port->host);
    return err_hint(e, "choose a port of the host from 1024 on");
}

static int refuse(const struct publish *port, struct err *e)
{
    if (errno == EACCES || errno == EPERM)
        return needs_right(port, "this user", e);
    if (errno == EADDRNOTAVAIL)
        return err_set(e, ERR_NOT_FOUND, "--publish %s: this computer has no address %s",
                       port->text, port->address);
    if (errno != EADDRINUSE)
        return err_errno(e, "--publish %s", port->text);
    err_set(e, ERR_IN_USE, "--publish %s: %s port %u of %s is in use", port->text, protocol(port),
            port->host, port->address);
    return err_hint(e, "choose another port of the host");
}

/* As passt and QEMU do it: a port of connections that have just ended is free. */
static int try_to_listen(const struct publish *port, struct err *e)
{
    const int type = (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port->host)};
    _cleanup_close_ int sock = socket(AF_INET, type, 0);

    if (sock < 0)
        return err_errno(e, "a socket");
    inet_pton(AF_INET, port->address, &address.sin_addr);
    if ((!port->udp && setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
        bind(sock, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        (!port->udp && listen(sock, 1) < 0))
        return refuse(port, e);
    return 0;
}

int publish_check(const struct publish *ports, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            if (ports[k].host == ports[i].host && ports[k].udp == ports[i].udp &&
                strcmp(ports[k].address, ports[i].address) == 0)
                return err_set(e, ERR_USAGE, "--publish %s: %s port %u is published twice",
                               ports[i].text, protocol(&ports[i]), ports[i].host);
        if (try_to_listen(&ports[i], e) < 0)
            return -1;
    }
    return 0;
}

int publish_check_for_nobody(const struct publish *ports, size_t n, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    unsigned long first;

    if (n == 0)
        return 0;
    if (io_read_file(FIRST_FREE, 16, &text, NULL, e) < 0)
        return -1;
    first = strtoul(text, NULL, 10);
    for (size_t i = 0; i < n; i++)
        if (ports[i].host < first)
            return needs_right(&ports[i], "QEMU, which runs as nobody,", e);
    return 0;
}
