// SPDX-License-Identifier: GPL-3.0-or-later
/* gpt.h: the header of a GUID Partition Table on disk (UEFI 2.10 table 5.5). Little-endian. */
#ifndef BERTH_PARTITION_GPT_H
#define BERTH_PARTITION_GPT_H

#include "core/guid.h"

#include <stdint.h>

#define GPT_SIGNATURE "EFI PART"

struct gpt_header {
    char signature[8];
    uint32_t revision;
    uint32_t header_bytes;
    uint32_t header_crc;
    uint32_t reserved;
    uint64_t my_lba, alternate_lba;
    uint64_t first_usable_lba, last_usable_lba;
    struct guid disk;
    uint64_t entries_lba;
    uint32_t n_entries, entry_bytes;
    uint32_t entries_crc;
} __attribute__((packed));

#endif
