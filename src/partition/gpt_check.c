// SPDX-License-Identifier: GPL-3.0-or-later
/* gpt_check.c: checks both copies of a GPT. Every number from the disk is bounded before it is
 * used. */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/table.h"

#include <string.h>
#include <zlib.h>

#define MAX_ENTRIES_BYTES (4 * MIB)

static uint32_t crc_of(const void *data, size_t n)
{
    return (uint32_t)crc32(0, data, (uInt)n);
}

static bool header_is_whole(const uint8_t *sector, size_t bytes, struct gpt_header *header)
{
    uint8_t copy[4096];

    memcpy(header, sector, sizeof(*header));
    if (memcmp(header->signature, GPT_SIGNATURE, 8) != 0 ||
        header->header_bytes < sizeof(*header) || header->header_bytes > bytes)
        return false;
    memcpy(copy, sector, header->header_bytes);
    memset(copy + offsetof(struct gpt_header, header_crc), 0, 4);
    return crc_of(copy, header->header_bytes) == header->header_crc;
}

/* 1: the copy whose header is in that sector is whole, 0: it is not. */
static int copy_is_whole(struct blockdev *bd, uint64_t lba, struct gpt_header *header,
                         struct err *e)
{
    uint8_t sector[4096];
    _cleanup_free_ void *entries = NULL;
    uint64_t bytes;

    if (bd->sector > sizeof(sector) || lba >= bd->bytes / bd->sector)
        return 0;
    if (blockdev_pread(bd, sector, bd->sector, lba * bd->sector, e) < 0)
        return -1;
    if (!header_is_whole(sector, bd->sector, header) || header->my_lba != lba)
        return 0;
    bytes = (uint64_t)header->n_entries * header->entry_bytes;
    if (bytes == 0 || bytes > MAX_ENTRIES_BYTES || header->entries_lba >= bd->bytes / bd->sector ||
        bytes > bd->bytes - header->entries_lba * bd->sector)
        return 0;
    entries = malloc((size_t)bytes);
    if (entries == NULL)
        return err_no_memory(e);
    if (blockdev_pread(bd, entries, (size_t)bytes, header->entries_lba * bd->sector, e) < 0)
        return -1;
    return crc_of(entries, (size_t)bytes) == header->entries_crc;
}

int gpt_check(struct blockdev *bd, struct gpt_state *state, struct err *e)
{
    struct gpt_header primary, backup;
    int first = copy_is_whole(bd, 1, &primary, e);
    int second = first < 0 ? -1 : copy_is_whole(bd, bd->bytes / bd->sector - 1, &backup, e);

    if (first < 0 || second < 0)
        return -1;
    state->primary = first > 0;
    state->backup = second > 0;
    state->same = state->primary && state->backup && guid_equal(&primary.disk, &backup.disk) &&
                  primary.entries_crc == backup.entries_crc &&
                  primary.n_entries == backup.n_entries;
    state->last_usable = 0;
    if (state->primary || state->backup) {
        uint64_t last = state->primary ? primary.last_usable_lba : backup.last_usable_lba;

        if (__builtin_mul_overflow(last + 1, bd->sector, &state->last_usable))
            state->last_usable = UINT64_MAX;
    }
    return 0;
}
