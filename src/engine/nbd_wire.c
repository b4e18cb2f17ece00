// SPDX-License-Identifier: GPL-3.0-or-later
/* nbd_wire.c: sends and receives whole messages. */
#include "engine/nbd_wire.h"

#include <errno.h>
#include <sys/socket.h>

int nbd_receive(int sock, void *buf, size_t n, struct err *e)
{
    size_t got = 0;

    while (got < n) {
        ssize_t more = recv(sock, (char *)buf + got, n - got, 0);

        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0 && errno != ECONNRESET)
            return err_errno(e, "receiving from the engine");
        if (more <= 0 && got == 0)
            return 0;
        if (more <= 0)
            return err_set(e, ERR_FAILED, "the engine's connection broke off in a message");
        got += (size_t)more;
    }
    return 1;
}

int nbd_send(int sock, const void *buf, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t put = send(sock, buf, n, MSG_NOSIGNAL);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(e, "sending to the engine");
        buf = (const char *)buf + put;
        n -= (size_t)put;
    }
    return 0;
}

int nbd_skip(int sock, uint64_t n, struct err *e)
{
    char buf[4096];

    while (n > 0) {
        size_t part = n < sizeof(buf) ? (size_t)n : sizeof(buf);
        int result = nbd_receive(sock, buf, part, e);

        if (result < 0)
            return -1;
        if (result == 0)
            return err_set(e, ERR_FAILED, "the engine's connection broke off in a message");
        n -= part;
    }
    return 0;
}
