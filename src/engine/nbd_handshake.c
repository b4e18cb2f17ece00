// SPDX-License-Identifier: GPL-3.0-or-later
/* nbd_handshake.c: fixed newstyle negotiation (doc/proto.md, "Newstyle negotiation"). */
#include "engine/nbd_wire.h"

#include <string.h>

/* The longest option that a client of one nameless export has reason to send; a name is at most
 * 4096 bytes ("Values"). */
#define OPTION_MAX 8192U

/* No client needs as many before it settles. */
#define OPTIONS_MAX 256

struct negotiation {
    int sock;
    const struct blockdev *bd;
    bool fixed, no_zeroes;
    uint32_t option, len;
    uint8_t data[OPTION_MAX];
};

static uint16_t transmission_flags(const struct blockdev *bd)
{
    unsigned flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA;

    if (bd->ops->pwrite == NULL)
        flags |= NBD_FLAG_READ_ONLY;
    else
        flags |= NBD_FLAG_SEND_TRIM | NBD_FLAG_SEND_WRITE_ZEROES;
    return (uint16_t)flags;
}

static int reply(struct negotiation *n, uint32_t type, const void *data, uint32_t len,
                 struct err *e)
{
    uint8_t head[20];

    put_be64(head, NBD_REPLY_MAGIC);
    put_be32(head + 8, n->option);
    put_be32(head + 12, type);
    put_be32(head + 16, len);
    if (nbd_send(n->sock, head, sizeof(head), e) < 0)
        return -1;
    return len == 0 ? 0 : nbd_send(n->sock, data, len, e);
}

/* NBD_OPT_EXPORT_NAME: no way to refuse but to hang up. */
static int export_name(struct negotiation *n, struct err *e)
{
    uint8_t answer[134] = {0};

    if (n->len != 0)
        return err_set(e, ERR_FAILED, "the peer asks for an export that does not exist");
    put_be64(answer, n->bd->bytes);
    put_be16(answer + 8, transmission_flags(n->bd));
    return nbd_send(n->sock, answer, n->no_zeroes ? 10 : sizeof(answer), e) < 0 ? -1 : 1;
}

static int list(struct negotiation *n, struct err *e)
{
    static const uint8_t empty_name[4];

    if (n->len != 0)
        return reply(n, NBD_REP_ERR_INVALID, NULL, 0, e);
    if (reply(n, NBD_REP_SERVER, empty_name, sizeof(empty_name), e) < 0)
        return -1;
    return reply(n, NBD_REP_ACK, NULL, 0, e);
}

/* "NBD_INFO_EXPORT" and "NBD_INFO_BLOCK_SIZE", told whether asked for or not. */
static int describe(struct negotiation *n, struct err *e)
{
    uint8_t export[12], sizes[14];

    put_be16(export, NBD_INFO_EXPORT);
    put_be64(export + 2, n->bd->bytes);
    put_be16(export + 10, transmission_flags(n->bd));
    put_be16(sizes, NBD_INFO_BLOCK_SIZE);
    put_be32(sizes + 2, n->bd->sector);
    put_be32(sizes + 6, 4096);
    put_be32(sizes + 10, NBD_MAX_PAYLOAD);
    if (reply(n, NBD_REP_INFO, export, sizeof(export), e) < 0 ||
        reply(n, NBD_REP_INFO, sizes, sizeof(sizes), e) < 0)
        return -1;
    return reply(n, NBD_REP_ACK, NULL, 0, e);
}

/* NBD_OPT_INFO and NBD_OPT_GO: u32 name length, name, u16 count, count times u16. */
static int info(struct negotiation *n, struct err *e)
{
    uint32_t name_len;

    if (n->len < 6)
        return reply(n, NBD_REP_ERR_INVALID, NULL, 0, e);
    name_len = get_be32(n->data);
    if (name_len > n->len - 6 || n->len - 6 - name_len != 2U * get_be16(n->data + 4 + name_len))
        return reply(n, NBD_REP_ERR_INVALID, NULL, 0, e);
    if (name_len != 0)
        return reply(n, NBD_REP_ERR_UNKNOWN, NULL, 0, e);
    if (describe(n, e) < 0)
        return -1;
    return n->option == NBD_OPT_GO;
}

/* Returns 1 to go on to requests, 0 for another option, -1. */
static int answer_option(struct negotiation *n, struct err *e)
{
    if (n->option == NBD_OPT_EXPORT_NAME)
        return export_name(n, e);
    if (!n->fixed)
        return err_set(e, ERR_FAILED, "the peer sends option %u without fixed newstyle", n->option);
    switch (n->option) {
    case NBD_OPT_LIST:
        return list(n, e);
    case NBD_OPT_INFO:
    case NBD_OPT_GO:
        return info(n, e);
    default:
        return reply(n, NBD_REP_ERR_UNSUP, NULL, 0, e);
    }
}

/* Reads the next option into n. Returns 1, 0 at the end of the stream, -1. */
static int read_option(struct negotiation *n, struct err *e)
{
    uint8_t head[16];
    int result = nbd_receive(n->sock, head, sizeof(head), e);

    if (result <= 0)
        return result;
    if (get_be64(head) != NBD_OPTION_MAGIC)
        return err_set(e, ERR_FAILED, "the peer's option has a wrong magic number");
    n->option = get_be32(head + 8);
    n->len = get_be32(head + 12);
    if (n->len > OPTION_MAX)
        return 1;
    return n->len == 0 ? 1 : nbd_receive(n->sock, n->data, n->len, e);
}

static int greet(struct negotiation *n, struct err *e)
{
    uint8_t hello[18], flags[4];
    int result;

    put_be64(hello, NBD_MAGIC);
    put_be64(hello + 8, NBD_OPTION_MAGIC);
    put_be16(hello + 16, NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
    if (nbd_send(n->sock, hello, sizeof(hello), e) < 0)
        return -1;
    result = nbd_receive(n->sock, flags, sizeof(flags), e);
    if (result <= 0)
        return result;
    if ((get_be32(flags) & ~(NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES)) != 0)
        return err_set(e, ERR_FAILED, "the peer sets unknown flags");
    n->fixed = (get_be32(flags) & NBD_FIXED_NEWSTYLE) != 0;
    n->no_zeroes = (get_be32(flags) & NBD_NO_ZEROES) != 0;
    return 1;
}

int nbd_handshake(int sock, const struct blockdev *bd, struct err *e)
{
    struct negotiation n = {.sock = sock, .bd = bd};
    int result = greet(&n, e);

    if (result <= 0)
        return result;
    for (int i = 0; i < OPTIONS_MAX; i++) {
        result = read_option(&n, e);
        if (result <= 0)
            return result;
        if (n.option == NBD_OPT_ABORT)
            return reply(&n, NBD_REP_ACK, NULL, 0, e);
        if (n.len > OPTION_MAX)
            result = nbd_skip(sock, n.len, e) < 0 ? -1 : reply(&n, NBD_REP_ERR_TOO_BIG, NULL, 0, e);
        else
            result = answer_option(&n, e);
        if (result != 0)
            return result;
    }
    return err_set(e, ERR_FAILED, "the peer does not come to an end of its options");
}
