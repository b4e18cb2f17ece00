// SPDX-License-Identifier: GPL-3.0-or-later
/* area_format.h: the blocks that an area ends with. For area*.c and file_sector.c only. */
#ifndef BERTH_BLOCK_AREA_FORMAT_H
#define BERTH_BLOCK_AREA_FORMAT_H

#include "block/area.h"

#define AREA_BLOCK       UINT64_C(4096)
#define AREA_TAIL        (4 * AREA_BLOCK) /* heads and counters */
#define AREA_VERSION     1
#define AREA_HEAD_MAGIC  "berthLOG"
#define AREA_COUNT_MAGIC "berthCNT"
#define AREA_BOOT_RECORD 512 /* bytes of sector 0 that matter */

struct area_head {
    char magic[8];
    uint32_t version;
    uint32_t crc; /* of this struct, with 0 here */
    uint64_t sequence;
    uint64_t start, bytes; /* the area's place on the disk */
    uint64_t slot;
    uint64_t document_bytes; /* 0: there is none yet */
    uint32_t document_crc;
    uint32_t tag; /* area_tag of the disk; 0 in heads of older berths */
};

struct area_counter_block {
    char magic[8];
    uint32_t crc; /* of this struct, with 0 here */
    uint32_t unused;
    uint64_t sequence; /* of the document it belongs to */
    uint64_t turn;     /* the higher one counts */
    uint64_t value;
};

uint32_t area_crc(const void *data, size_t n);
uint32_t area_head_crc(const struct area_head *head); /* what its member has to be */
uint32_t area_counter_crc(const struct area_counter_block *counter);

/* A head of even (parity 0) or odd sequences, by its magic, version and CRC. */
bool area_head_is_whole(const struct area_head *head, uint64_t parity);

/* area_sector.c: stands for an MBR's id, and how large its sectors are. */
uint32_t area_tag(const uint8_t boot_record[AREA_BOOT_RECORD], unsigned sector);

/* By the newest head of the areas that end at these bytes: how large the sectors were when berth
 * wrote the log of the disk with that boot record; 0: none says so. */
unsigned area_sector(int fd, const uint64_t *ends, size_t n,
                     const uint8_t boot_record[AREA_BOOT_RECORD]);

#endif
