// SPDX-License-Identifier: GPL-3.0-or-later
/* hub.c: eight clients, a ring of what was said last. Nothing here waits for a client. */
#include "engine/hub.h"
#include "core/cleanup.h"

#include <string.h>
#include <sys/socket.h>

#define HEAD offsetof(struct hub_packet, bytes)

int hub_send(int fd, const struct hub_packet *packet)
{
    return send(fd, packet, HEAD + packet->n, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int hub_receive(int fd, struct hub_packet *packet, int flags)
{
    ssize_t got = recv(fd, packet, sizeof(*packet), flags);

    if (got <= 0)
        return (int)got;
    if ((size_t)got < HEAD || (size_t)got != HEAD + packet->n) {
        errno = EPROTO;
        return -1;
    }
    return 1;
}

void hub_init(struct hub *hub)
{
    memset(hub, 0, sizeof(*hub));
    hub->listen = -1;
    for (size_t i = 0; i < HUB_CLIENTS; i++)
        hub->clients[i].fd = -1;
}

/* One that does not take it now misses it. */
static void tell(const struct hub_client *client, const struct hub_packet *packet)
{
    (void)send(client->fd, packet, HEAD + packet->n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void drop(struct hub_client *client)
{
    close(client->fd);
    client->fd = -1;
    client->attached = false;
}

void hub_accept(struct hub *hub)
{
    int fd = accept4(hub->listen, NULL, NULL, SOCK_CLOEXEC);

    for (size_t i = 0; fd >= 0 && i < HUB_CLIENTS; i++)
        if (hub->clients[i].fd < 0) {
            hub->clients[i] = (struct hub_client){.fd = steal_fd(&fd)};
            return;
        }
    cleanup_close(&fd);
}

static void answer(const struct hub *hub, const struct hub_client *client)
{
    struct hub_packet packet = {
        .kind = HUB_STATUS, .lacks = hub->lacks, .asked = hub->asked, .attached = hub->foreground};

    for (size_t i = 0; i < HUB_CLIENTS; i++)
        packet.attached = (uint16_t)(packet.attached + hub->clients[i].attached);
    tell(client, &packet);
}

static void attach(const struct hub *hub, struct hub_client *client)
{
    struct hub_packet packet = {.kind = HUB_SHOW};
    uint32_t from = (hub->at + HUB_RECENT - hub->n) % HUB_RECENT;

    for (uint32_t i = 0; i < hub->n; i++) {
        packet.bytes[packet.n++] = hub->recent[(from + i) % HUB_RECENT];
        if (packet.n == HUB_BYTES || i == hub->n - 1) {
            tell(client, &packet);
            packet.n = 0;
        }
    }
    client->attached = true;
}

bool hub_take(struct hub *hub, size_t i, struct hub_packet *packet)
{
    struct hub_client *client = &hub->clients[i];
    int got = hub_receive(client->fd, packet, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        drop(client);
        return false;
    }
    if (packet->kind == HUB_ASK)
        answer(hub, client);
    if (packet->kind == HUB_ATTACH)
        attach(hub, client);
    return packet->kind == HUB_TYPE || packet->kind == HUB_WINDOW ||
           packet->kind == HUB_POWER_OFF || packet->kind == HUB_END;
}

static void remember(struct hub *hub, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hub->recent[hub->at] = bytes[i];
        hub->at = (hub->at + 1) % HUB_RECENT;
    }
    hub->n = hub->n + n < HUB_RECENT ? (uint32_t)(hub->n + n) : HUB_RECENT;
}

void hub_show(struct hub *hub, const char *bytes, size_t n)
{
    struct hub_packet packet = {.kind = HUB_SHOW};

    remember(hub, bytes, n);
    for (size_t i = 0; i < HUB_CLIENTS; i++)
        for (size_t at = 0; hub->clients[i].attached && at < n; at += packet.n) {
            packet.n = (uint32_t)(n - at < HUB_BYTES ? n - at : HUB_BYTES);
            memcpy(packet.bytes, bytes + at, packet.n);
            tell(&hub->clients[i], &packet);
        }
}

void hub_over(struct hub *hub, int status, const char *why)
{
    struct hub_packet packet = {.kind = HUB_OVER, .status = (uint8_t)status};
    const char *const paths[] = {hub->socket, hub->card, hub->machine};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (paths[i][0] != '\0')
            unlink(paths[i]);
    packet.n = (uint32_t)strnlen(why, HUB_BYTES);
    memcpy(packet.bytes, why, packet.n);
    for (size_t i = 0; i < HUB_CLIENTS; i++)
        if (hub->clients[i].fd >= 0) {
            tell(&hub->clients[i], &packet);
            drop(&hub->clients[i]);
        }
    cleanup_close(&hub->listen);
    hub_init(hub);
}
