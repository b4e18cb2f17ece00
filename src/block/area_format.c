// SPDX-License-Identifier: GPL-3.0-or-later
/* area_format.c: which blocks are an area's own. Pure. */
#include "block/area_format.h"

#include <string.h>
#include <zlib.h>

uint32_t area_crc(const void *data, size_t n)
{
    return (uint32_t)crc32_z(0, data, n);
}

uint32_t area_head_crc(const struct area_head *head)
{
    struct area_head copy = *head;

    copy.crc = 0;
    return area_crc(&copy, sizeof(copy));
}

uint32_t area_counter_crc(const struct area_counter_block *counter)
{
    struct area_counter_block copy = *counter;

    copy.crc = 0;
    return area_crc(&copy, sizeof(copy));
}

bool area_head_is_whole(const struct area_head *head, uint64_t parity)
{
    return memcmp(head->magic, AREA_HEAD_MAGIC, sizeof(head->magic)) == 0 &&
           head->version == AREA_VERSION && head->crc == area_head_crc(head) &&
           head->sequence % 2 == parity && head->sequence != 0 && head->sequence < INT64_MAX;
}
