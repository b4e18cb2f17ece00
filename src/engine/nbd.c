// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * nbd.c: the transmission phase (doc/proto.md, "Transmission"): one request at a time, answered
 * before the next one is read.
 */
#include "engine/nbd.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "engine/nbd_wire.h"

#include <string.h>
#include <sys/socket.h>

struct request {
    uint16_t flags, type;
    uint8_t cookie[8]; /* the client's, given back as it came */
    uint64_t offset;
    uint32_t len;
};

struct connection {
    int sock;
    struct blockdev *bd;
    uint8_t *buf; /* NBD_MAX_PAYLOAD bytes, aligned for direct transfers */
};

/* "Error values": what a failed access to the device is to the client. */
static uint32_t error_of(int result, const struct err *why)
{
    if (result == 0)
        return 0;
    if (errno == ENOSPC || why->code == ERR_NO_SPACE)
        return NBD_ENOSPC;
    return why->code == ERR_NO_MEMORY ? NBD_ENOMEM : NBD_EIO;
}

static int answer(struct connection *c, const struct request *r, uint32_t error, struct err *e)
{
    uint8_t head[16];

    put_be32(head, NBD_SIMPLE_REPLY_MAGIC);
    put_be32(head + 4, error);
    memcpy(head + 8, r->cookie, sizeof(r->cookie));
    return nbd_send(c->sock, head, sizeof(head), e);
}

static bool inside(const struct connection *c, const struct request *r)
{
    return r->offset <= c->bd->bytes && r->len <= c->bd->bytes - r->offset;
}

static int serve_read(struct connection *c, const struct request *r, struct err *e)
{
    struct err why = {0};
    uint32_t error = NBD_EINVAL;

    if ((r->flags & ~NBD_CMD_FLAG_FUA) == 0 && r->len <= NBD_MAX_PAYLOAD && inside(c, r)) {
        errno = 0;
        error = error_of(blockdev_pread(c->bd, c->buf, r->len, r->offset, &why), &why);
    }
    if (answer(c, r, error, e) < 0)
        return -1;
    return error == 0 ? nbd_send(c->sock, c->buf, r->len, e) : 0;
}

/* Writes zeros and allocates, for a client that wants no hole. */
static int write_zeros(struct connection *c, const struct request *r, struct err *why)
{
    uint64_t offset = r->offset, left = r->len;

    memset(c->buf, 0, left < MIB ? (size_t)left : (size_t)MIB);
    while (left > 0) {
        size_t n = left < MIB ? (size_t)left : (size_t)MIB;

        if (blockdev_pwrite(c->bd, c->buf, n, offset, why) < 0)
            return -1;
        offset += n;
        left -= n;
    }
    return 0;
}

static int change_bytes(struct connection *c, const struct request *r, struct err *why)
{
    switch (r->type) {
    case NBD_CMD_WRITE:
        return blockdev_pwrite(c->bd, c->buf, r->len, r->offset, why);
    case NBD_CMD_TRIM:
        return blockdev_discard(c->bd, r->offset, r->len, why);
    default:
        if ((r->flags & NBD_CMD_FLAG_NO_HOLE) != 0)
            return write_zeros(c, r, why);
        return blockdev_zero(c->bd, r->offset, r->len, why);
    }
}

/* WRITE, TRIM and WRITE_ZEROES. */
static int serve_change(struct connection *c, const struct request *r, struct err *e)
{
    unsigned known = NBD_CMD_FLAG_FUA;
    struct err why = {0};
    uint32_t error;
    int result;

    if (r->type == NBD_CMD_WRITE_ZEROES)
        known |= NBD_CMD_FLAG_NO_HOLE;
    if (c->bd->ops->pwrite == NULL)
        return answer(c, r, NBD_EPERM, e);
    if ((r->flags & ~known) != 0)
        return answer(c, r, NBD_EINVAL, e);
    if (!inside(c, r))
        return answer(c, r, r->type == NBD_CMD_TRIM ? NBD_EINVAL : NBD_ENOSPC, e);
    errno = 0;
    result = change_bytes(c, r, &why);
    if (result == 0 && (r->flags & NBD_CMD_FLAG_FUA) != 0)
        result = blockdev_flush(c->bd, &why);
    error = error_of(result, &why);
    return answer(c, r, error, e);
}

static int serve_flush(struct connection *c, const struct request *r, struct err *e)
{
    struct err why = {0};

    if (r->flags != 0 || r->offset != 0 || r->len != 0)
        return answer(c, r, NBD_EINVAL, e);
    errno = 0;
    return answer(c, r, error_of(blockdev_flush(c->bd, &why), &why), e);
}

/* "Request message". Returns 1 with a request and its payload in c->buf, 0 at the end, -1. */
static int read_request(struct connection *c, struct request *r, struct err *e)
{
    uint8_t head[28];
    int result = nbd_receive(c->sock, head, sizeof(head), e);

    if (result <= 0)
        return result;
    if (get_be32(head) != NBD_REQUEST_MAGIC)
        return err_set(e, ERR_FAILED, "the engine's request has a wrong magic number");
    r->flags = get_be16(head + 4);
    r->type = get_be16(head + 6);
    memcpy(r->cookie, head + 8, sizeof(r->cookie));
    r->offset = get_be64(head + 16);
    r->len = get_be32(head + 24);
    if (r->type != NBD_CMD_WRITE || r->len == 0)
        return 1;
    if (r->len > NBD_MAX_PAYLOAD)
        return err_set(e, ERR_FAILED, "the engine writes %u bytes at once", r->len);
    result = nbd_receive(c->sock, c->buf, r->len, e);
    return result != 0 ? result
                       : err_set(e, ERR_FAILED, "the engine's connection broke off in a message");
}

static int serve_requests(struct connection *c, struct err *e)
{
    for (;;) {
        struct request r = {0};
        int result = read_request(c, &r, e);

        if (result <= 0 || r.type == NBD_CMD_DISC)
            return result < 0 ? -1 : 0;
        switch (r.type) {
        case NBD_CMD_READ:
            result = serve_read(c, &r, e);
            break;
        case NBD_CMD_WRITE:
        case NBD_CMD_TRIM:
        case NBD_CMD_WRITE_ZEROES:
            result = serve_change(c, &r, e);
            break;
        case NBD_CMD_FLUSH:
            result = serve_flush(c, &r, e);
            break;
        default:
            result = answer(c, &r, NBD_EINVAL, e);
        }
        if (result < 0)
            return -1;
    }
}

int nbd_serve(int sock, struct blockdev *bd, struct err *e)
{
    _cleanup_free_ void *buf = NULL;
    struct connection c = {.sock = sock, .bd = bd};
    struct err why = {0};
    int result = nbd_handshake(sock, bd, e);

    if (result == 1) {
        if (posix_memalign(&buf, 4096, NBD_MAX_PAYLOAD) != 0)
            return err_no_memory(e);
        c.buf = buf;
        result = serve_requests(&c, e);
    }
    if (blockdev_flush(bd, &why) < 0 && result == 0) {
        *e = why;
        result = -1;
    }
    return result;
}
