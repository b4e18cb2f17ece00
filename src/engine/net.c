// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * net.c: the words of --net, and tap devices.
 *
 * A tap is taken without offloads and without headers in front of its frames: the guest's card has
 * no offloads, so that every frame is what would be on a wire. Whoever owns a tap may take it; that
 * is the kernel's rule, and no other right is used.
 */
#include "engine/net.h"
#include "core/cleanup.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#define TUN "/dev/net/tun"
#define TAP "tap="

/* ---- the words ---- */

/* The interface that the text names, NULL when it is of another kind. */
static const char *tap_of(const char *text)
{
    return strncmp(text, TAP, strlen(TAP)) == 0 ? text + strlen(TAP) : NULL;
}

static enum net_kind kind_of(const char *text)
{
    if (tap_of(text) != NULL)
        return NET_TAP;
    return strcmp(text, "user") == 0 ? NET_USER : NET_NONE;
}

int net_check(const char *text, struct err *e)
{
    const char *interface = tap_of(text);

    if (interface != NULL && (*interface == '\0' || strlen(interface) >= IFNAMSIZ))
        return err_set(e, ERR_USAGE, "--net %s: an interface's name has 1 to %d characters", text,
                       IFNAMSIZ - 1);
    if (interface == NULL && strcmp(text, "user") != 0 && strcmp(text, "none") != 0)
        return err_set(e, ERR_USAGE, "--net %s: expected " NET_WORDS, text);
    return 0;
}

/* ---- a tap ---- */

static int refuse(const char *interface, struct err *e)
{
    switch (errno) {
    case EPERM:
    case EACCES:
        err_set(e, ERR_REFUSED, "--net tap=%s: it is not this user's", interface);
        return err_hint(e, "ip tuntap add %s mode tap user %u makes one that is", interface,
                        (unsigned)geteuid());
    case EBUSY:
        return err_set(e, ERR_IN_USE, "--net tap=%s: another program has it", interface);
    case EINVAL:
        return err_set(e, ERR_UNSUPPORTED, "--net tap=%s: it is no tap device of one queue",
                       interface);
    default:
        return err_errno(e, "--net tap=%s", interface);
    }
}

/* The kernel would make an interface that there is not, and drop it at the end: one without an
 * address, in no bridge, and so of no use. */
static int open_tap(const char *interface, struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

    if (if_nametoindex(interface) == 0) {
        err_set(e, ERR_NOT_FOUND, "--net tap=%s: there is no such interface", interface);
        return err_hint(e, "ip tuntap add %s mode tap user %u", interface, (unsigned)geteuid());
    }
    fd = open(TUN, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        return err_set(e, ERR_REFUSED, "--net tap=%s: this user may not open " TUN, interface);
    if (fd < 0)
        return err_errno(e, "--net tap=%s: " TUN, interface);
    memcpy(request.ifr_name, interface, strlen(interface));
    if (ioctl(fd, TUNSETIFF, &request) < 0)
        return refuse(interface, e);
    if (ioctl(fd, TUNSETOFFLOAD, 0) < 0)
        return err_errno(e, "--net tap=%s: turning offloads off", interface);
    return steal_fd(&fd);
}

/* ---- all of them ---- */

int net_open(const char *text, const struct publish *ports, size_t n_ports, struct net *net,
             struct err *e)
{
    if (net_check(text, e) < 0)
        return -1;
    *net = (struct net){.kind = kind_of(text), .tap = -1, .ports = ports, .n_ports = n_ports};
    if (n_ports > 0 && net->kind != NET_USER)
        return err_set(e, ERR_USAGE, "--publish %s: it needs --net user, and the network is %s",
                       ports[0].text, text);
    if (publish_check(ports, n_ports, e) < 0)
        return -1;
    if (net->kind == NET_TAP)
        net->tap = open_tap(tap_of(text), e);
    return net->kind == NET_TAP && net->tap < 0 ? -1 : 0;
}

int net_go_on(const char *text, const struct publish *ports, size_t n_ports, int tap,
              struct net *net, struct err *e)
{
    *net = (struct net){.kind = kind_of(text), .tap = tap, .ports = ports, .n_ports = n_ports};
    if (net->kind == NET_TAP && tap < 0)
        return err_set(e, ERR_FAILED, "--net %s: it was not handed on", text);
    return 0;
}

void net_close(struct net *net)
{
    if (net->kind == NET_TAP)
        cleanup_close(&net->tap);
}
