// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * gpt_disk.c: finds and checks both copies of a GPT. Every number from the disk is bounded before
 * it is used: the entries of a whole copy lie on the disk, and neither they nor the header in the
 * range for partitions.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/gpt.h"

#include <endian.h>
#include <string.h>
#include <zlib.h>

#define PRIMARY_LBA 1

#define SMALL 512 /* sectors */
#define LARGE 4096

uint32_t gpt_crc(const void *data, size_t bytes)
{
    return (uint32_t)crc32(0, data, (uInt)bytes);
}

uint64_t gpt_entry_sectors(const struct gpt_header *header, unsigned sector)
{
    return round_up((uint64_t)header->n_entries * header->entry_bytes, sector) / sector;
}

#define OLD_COPY_SECTORS 129 /* 512 entries in sectors of 512 bytes, and the header */

static void swap_header(const uint8_t *sector, struct gpt_header *header)
{
    memcpy(header, sector, sizeof(*header));
    header->revision = le32toh(header->revision);
    header->header_bytes = le32toh(header->header_bytes);
    header->header_crc = le32toh(header->header_crc);
    header->my_lba = le64toh(header->my_lba);
    header->alternate_lba = le64toh(header->alternate_lba);
    header->first_usable_lba = le64toh(header->first_usable_lba);
    header->last_usable_lba = le64toh(header->last_usable_lba);
    header->entries_lba = le64toh(header->entries_lba);
    header->n_entries = le32toh(header->n_entries);
    header->entry_bytes = le32toh(header->entry_bytes);
    header->entries_crc = le32toh(header->entries_crc);
}

static bool header_crc_is_right(const uint8_t *sector, const struct gpt_header *header)
{
    uint8_t copy[GPT_SECTOR_MAX];

    memcpy(copy, sector, header->header_bytes);
    memset(copy + offsetof(struct gpt_header, header_crc), 0, sizeof(header->header_crc));
    return gpt_crc(copy, header->header_bytes) == header->header_crc;
}

/* Whether n sectors at lba have one in common with the range for partitions. */
static bool in_usable(const struct gpt_header *header, uint64_t lba, uint64_t n)
{
    return lba <= header->last_usable_lba && header->first_usable_lba < lba + n;
}

/* What is wrong with where things are, or NULL. */
static const char *places_wrong(const struct table_window *window, const struct gpt_header *header)
{
    unsigned sector = window->bd->sector;
    uint64_t n;

    if (header->n_entries == 0 || header->n_entries > TABLE_SLOTS_MAX)
        return "it has no entries, or more than 4096";
    if (header->entry_bytes < GPT_ENTRY_BYTES || header->entry_bytes > GPT_ENTRY_MAX ||
        header->entry_bytes % 8 != 0)
        return "its entries have a size that they cannot have";
    if (header->first_usable_lba > header->last_usable_lba ||
        header->last_usable_lba >= UINT64_MAX / sector)
        return "its range for partitions is none";
    n = gpt_entry_sectors(header, sector);
    if (header->entries_lba == 0 || header->entries_lba >= window->lbas ||
        n > window->lbas - header->entries_lba)
        return "its entries are past the end of the disk";
    if (in_usable(header, header->my_lba, 1) || in_usable(header, header->entries_lba, n) ||
        (header->entries_lba <= header->my_lba && header->my_lba < header->entries_lba + n))
        return "its parts overlap";
    return NULL;
}

static const char *header_wrong(const struct table_window *window, const struct gpt_copy *copy)
{
    const struct gpt_header *header = &copy->header;

    if (!copy->signature)
        return "its header is not there";
    if (header->header_bytes < GPT_HEADER_BYTES || header->header_bytes > window->bd->sector)
        return "its header has a size that it cannot have";
    if (!header_crc_is_right(copy->sector, header))
        return "its header's checksum is wrong";
    if (header->my_lba != copy->lba)
        return "its header belongs somewhere else";
    return places_wrong(window, header);
}

/* The copy gets the entries there if its header's checksum is theirs. */
static int read_entries(struct table_window *window, struct gpt_copy *copy, uint64_t lba,
                        struct err *e)
{
    const struct gpt_header *header = &copy->header;
    size_t bytes = (size_t)header->n_entries * header->entry_bytes;
    _cleanup_free_ uint8_t *entries = malloc(bytes);

    if (entries == NULL)
        return err_no_memory(e);
    if (table_window_read(window, entries, bytes, lba * window->bd->sector, e) < 0)
        return -1;
    if (gpt_crc(entries, bytes) == header->entries_crc)
        copy->entries = steal(entries);
    return 0;
}

static int read_copy(struct table_window *window, uint64_t lba, struct gpt_copy *copy,
                     struct err *e)
{
    unsigned sector = window->bd->sector;

    free(copy->entries);
    *copy = (struct gpt_copy){.lba = lba, .wrong = "it is not there"};
    if (sector > GPT_SECTOR_MAX || lba < PRIMARY_LBA || lba >= window->lbas)
        return 0;
    if (table_window_read(window, copy->sector, sector, lba * sector, e) < 0)
        return -1;
    copy->signature = memcmp(copy->sector, GPT_SIGNATURE, strlen(GPT_SIGNATURE)) == 0;
    swap_header(copy->sector, &copy->header);
    copy->wrong = header_wrong(window, copy);
    copy->header_is_right = copy->wrong == NULL;
    if (copy->wrong == NULL && read_entries(window, copy, copy->header.entries_lba, e) < 0)
        return -1;
    if (copy->wrong == NULL && copy->entries == NULL)
        copy->wrong = "its entries' checksum is wrong";
    return 0;
}

/* Entries whose own header has gone: where every tool has them, behind the first header or before
 * the backup's. */
static int lend_entries(struct table_window *window, struct gpt_copy *copy, struct err *e)
{
    const struct gpt_header *header = &copy->header;
    uint64_t n = gpt_entry_sectors(header, window->bd->sector), lba = PRIMARY_LBA + 1;

    if (copy->lba == PRIMARY_LBA) {
        if (header->alternate_lba >= window->lbas || header->alternate_lba < n + PRIMARY_LBA)
            return 0;
        lba = header->alternate_lba - n;
    }
    if (lba >= window->lbas || n > window->lbas - lba || in_usable(header, lba, n))
        return 0;
    if (read_entries(window, copy, lba, e) < 0)
        return -1;
    copy->lent = copy->entries != NULL;
    return 0;
}

/* Neither copy is whole, and one header is: its checksum may be that of the other's entries. */
static int lend(struct table_window *window, struct gpt_disk *gpt, struct err *e)
{
    if (gpt->primary.wrong == NULL || gpt->backup.wrong == NULL)
        return 0;
    if (gpt->primary.header_is_right)
        return lend_entries(window, &gpt->primary, e);
    return gpt->backup.header_is_right ? lend_entries(window, &gpt->backup, e) : 0;
}

/* Even a damaged primary may still say where the backup is: that one has its own checksum. */
static int read_copies(struct table_window *window, struct gpt_disk *gpt, struct err *e)
{
    uint64_t last = window->lbas - 1, alternate;

    gpt->backup_at_end = true;
    gpt->backup.wrong = "there is no room for it";
    if (read_copy(window, PRIMARY_LBA, &gpt->primary, e) < 0)
        return -1;
    if (window->lbas <= PRIMARY_LBA + 1)
        return 0;
    alternate = gpt->primary.signature ? gpt->primary.header.alternate_lba : last;
    if (alternate > PRIMARY_LBA && alternate < last) {
        if (read_copy(window, alternate, &gpt->backup, e) < 0)
            return -1;
        gpt->backup_at_end = gpt->backup.wrong != NULL;
        if (!gpt->backup_at_end)
            return 0;
    }
    return read_copy(window, last, &gpt->backup, e);
}

int gpt_disk_read(struct table_window *window, struct gpt_disk *gpt, struct err *e)
{
    return read_copies(window, gpt, e) < 0 ? -1 : lend(window, gpt, e);
}

/* 1: a header for sectors of that size is at their LBA. */
static int has_header(struct table_window *window, unsigned sector, uint64_t lba, struct err *e)
{
    uint8_t bytes[GPT_SECTOR_MAX];
    struct gpt_header header;

    if (table_window_read(window, bytes, sector, lba * sector, e) < 0)
        return -1;
    swap_header(bytes, &header);
    return memcmp(header.signature, GPT_SIGNATURE, sizeof(header.signature)) == 0 &&
           header.header_bytes >= GPT_HEADER_BYTES && header.header_bytes <= sector &&
           header_crc_is_right(bytes, &header) && header.my_lba == lba;
}

int gpt_find_other_sector(struct table_window *window, struct err *e)
{
    unsigned sector = window->bd->sector == SMALL ? LARGE : SMALL;
    uint64_t lbas = window->lbas * window->bd->sector / sector;
    int has;

    if (lbas <= PRIMARY_LBA + 1)
        return 0;
    has = has_header(window, sector, PRIMARY_LBA, e);
    if (has == 0)
        has = has_header(window, sector, lbas - 1, e);
    return has > 0 ? (int)sector : has;
}

void gpt_disk_clear(struct gpt_disk *gpt)
{
    free(gpt->primary.entries);
    free(gpt->backup.entries);
    gpt->primary.entries = gpt->backup.entries = NULL;
}

const struct gpt_copy *gpt_disk_copy(const struct gpt_disk *gpt)
{
    if (gpt->primary.wrong == NULL)
        return &gpt->primary;
    if (gpt->backup.wrong == NULL)
        return &gpt->backup;
    if (gpt->primary.lent)
        return &gpt->primary;
    return gpt->backup.lent ? &gpt->backup : NULL;
}

bool gpt_disk_agrees(const struct gpt_disk *gpt)
{
    const struct gpt_header *a = &gpt->primary.header, *b = &gpt->backup.header;

    return gpt->primary.wrong == NULL && gpt->backup.wrong == NULL &&
           guid_equal(&a->disk, &b->disk) && a->entries_crc == b->entries_crc &&
           a->n_entries == b->n_entries && a->entry_bytes == b->entry_bytes &&
           a->first_usable_lba == b->first_usable_lba && a->last_usable_lba == b->last_usable_lba &&
           a->alternate_lba == b->my_lba && b->alternate_lba == a->my_lba;
}

/* The header, right in itself, of an old copy of that disk's table whose entries lie right before
 * it and begin where `start` is, or before. */
static bool is_old_header(const uint8_t *sector, unsigned sector_bytes, uint64_t at, uint64_t start,
                          const struct guid *disk, struct extent *copy)
{
    struct gpt_header header;
    uint64_t first;

    swap_header(sector, &header);
    if (memcmp(header.signature, GPT_SIGNATURE, sizeof(header.signature)) != 0 ||
        header.header_bytes < GPT_HEADER_BYTES || header.header_bytes > sector_bytes ||
        !header_crc_is_right(sector, &header) || !guid_equal(&header.disk, disk) ||
        header.my_lba != at / sector_bytes || header.entries_lba >= header.my_lba ||
        header.my_lba - header.entries_lba != gpt_entry_sectors(&header, sector_bytes))
        return false;
    first = header.entries_lba * sector_bytes;
    *copy = (struct extent){first, at + sector_bytes - first};
    return first <= start;
}

int gpt_find_old_copy(struct blockdev *bd, const struct guid *disk, uint64_t start,
                      struct extent *copy, struct err *e)
{
    uint8_t sector[GPT_SECTOR_MAX];

    start -= start % bd->sector;
    for (uint64_t i = 0; i < OLD_COPY_SECTORS; i++) {
        uint64_t at = start + i * bd->sector;

        if (at + bd->sector > bd->bytes)
            return 0;
        if (blockdev_pread(bd, sector, bd->sector, at, e) < 0)
            return -1;
        if (is_old_header(sector, bd->sector, at, start, disk, copy))
            return 1;
    }
    return 0;
}
