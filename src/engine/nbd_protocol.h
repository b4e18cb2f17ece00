// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * nbd_protocol.h: the wire format of the part of NBD that berth speaks. Everything is big-endian.
 * Source: the NBD project's doc/proto.md, "Values" and the sections named below.
 */
#ifndef BERTH_ENGINE_NBD_PROTOCOL_H
#define BERTH_ENGINE_NBD_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

struct blockdev;

/* "Newstyle negotiation", "Option types", "Option reply types" */
#define NBD_MAGIC           UINT64_C(0x4e42444d41474943) /* "NBDMAGIC" */
#define NBD_OPTION_MAGIC    UINT64_C(0x49484156454f5054) /* "IHAVEOPT" */
#define NBD_REPLY_MAGIC     UINT64_C(0x0003e889045565a9)
#define NBD_FIXED_NEWSTYLE  1U
#define NBD_NO_ZEROES       2U
#define NBD_OPT_EXPORT_NAME 1U
#define NBD_OPT_ABORT       2U
#define NBD_OPT_LIST        3U
#define NBD_OPT_INFO        6U
#define NBD_OPT_GO          7U
#define NBD_REP_ACK         1U
#define NBD_REP_SERVER      2U
#define NBD_REP_INFO        3U
#define NBD_REP_ERR_UNSUP   0x80000001U
#define NBD_REP_ERR_INVALID 0x80000003U
#define NBD_REP_ERR_UNKNOWN 0x80000006U
#define NBD_REP_ERR_TOO_BIG 0x80000009U
#define NBD_INFO_EXPORT     0U
#define NBD_INFO_BLOCK_SIZE 3U

/* "Transmission flags", "Request types", "Command flags", "Error values" */
#define NBD_FLAG_HAS_FLAGS         1U
#define NBD_FLAG_READ_ONLY         2U
#define NBD_FLAG_SEND_FLUSH        4U
#define NBD_FLAG_SEND_FUA          8U
#define NBD_FLAG_SEND_TRIM         32U
#define NBD_FLAG_SEND_WRITE_ZEROES 64U
#define NBD_REQUEST_MAGIC          0x25609513U
#define NBD_SIMPLE_REPLY_MAGIC     0x67446698U
#define NBD_CMD_READ               0U
#define NBD_CMD_WRITE              1U
#define NBD_CMD_DISC               2U
#define NBD_CMD_FLUSH              3U
#define NBD_CMD_TRIM               4U
#define NBD_CMD_WRITE_ZEROES       6U
#define NBD_CMD_FLAG_FUA           1U
#define NBD_CMD_FLAG_NO_HOLE       2U
#define NBD_EPERM                  1U
#define NBD_EIO                    5U
#define NBD_ENOMEM                 12U
#define NBD_EINVAL                 22U
#define NBD_ENOSPC                 28U

#define NBD_MAX_PAYLOAD (UINT32_C(32) << 20) /* bytes of one request ("Block size constraints") */

static inline void put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, (uint16_t)(v >> 16));
    put_be16(p + 2, (uint16_t)v);
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
    put_be32(p, (uint32_t)(v >> 32));
    put_be32(p + 4, (uint32_t)v);
}

static inline uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline uint64_t get_be64(const uint8_t *p)
{
    return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

#endif
