// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * area_sector.c: how large the sectors of a disk's MBR are, by what berth's log says. An MBR does
 * not; so each head of an area is tagged with the MBR's id and the sector size it was written with.
 * Another MBR than that one is none of the head's business.
 */
#include "block/area_format.h"

#include <endian.h>
#include <string.h>
#include <unistd.h>

#define ID_AT    440 /* UEFI 2.10 table 5.1 */
#define ID_BYTES 4

uint32_t area_tag(const uint8_t boot_record[AREA_BOOT_RECORD], unsigned sector)
{
    uint32_t tagged[2] = {0, htole32(sector)};

    memcpy(&tagged[0], boot_record + ID_AT, ID_BYTES);
    return area_crc(tagged, sizeof(tagged));
}

/* The size that the head is tagged with, when it lies where its area ends; else 0. */
static unsigned sector_of_head(const struct area_head *head, uint64_t parity, uint64_t end,
                               const uint8_t *boot_record)
{
    static const unsigned sizes[] = {512, 4096};

    if (!area_head_is_whole(head, parity) || head->start > end || head->bytes != end - head->start)
        return 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (head->tag == area_tag(boot_record, sizes[i]))
            return sizes[i];
    return 0;
}

unsigned area_sector(int fd, const uint64_t *ends, size_t n,
                     const uint8_t boot_record[AREA_BOOT_RECORD])
{
    uint64_t newest = 0;
    unsigned sector = 0;

    for (size_t i = 0; i < 2 * n; i++) {
        uint64_t end = ends[i / 2] - ends[i / 2] % AREA_BLOCK, parity = i % 2;
        struct area_head head;

        if (end < AREA_TAIL || end > INT64_MAX ||
            pread(fd, &head, sizeof(head), (off_t)(end - (2 - parity) * AREA_BLOCK)) !=
                sizeof(head) ||
            sector_of_head(&head, parity, end, boot_record) == 0 || head.sequence <= newest)
            continue;
        newest = head.sequence;
        sector = sector_of_head(&head, parity, end, boot_record);
    }
    return sector;
}
