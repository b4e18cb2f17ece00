// SPDX-License-Identifier: GPL-3.0-or-later
/* mbr_codec.c: what sector 0 is, and its records. Pure. */
#include "partition/mbr.h"

#include <endian.h>
#include <string.h>

#define RECORDS_USED 2 /* of a record in a chain: its partition, and the next record */

#define ACTIVE      0x80
#define CHS_HEADS   255 /* the geometry that every partitioning tool pretends */
#define CHS_SECTORS 63
#define CHS_MOST    1023

/* Names that boot sectors of filesystems have where a BIOS parameter block begins or ends. */
static const struct {
    size_t at;
    const char *name;
} filesystems[] = {
    {3, "NTFS    "},  {3, "EXFAT   "},  {3, "-FVE-FS-"},  {54, "FAT12   "},
    {54, "FAT16   "}, {54, "FAT     "}, {82, "FAT32   "},
};

bool mbr_is_extended(uint8_t code)
{
    return code == 0x05 || code == 0x0f || code == 0x85;
}

static bool is_used(const struct mbr_record *record)
{
    return record->sectors != 0;
}

static bool is_filesystem(const struct mbr_sector *s)
{
    const uint8_t *bytes = (const uint8_t *)s;

    if (bytes[0] != 0xe9 && (bytes[0] != 0xeb || bytes[2] != 0x90))
        return false;
    for (size_t i = 0; i < sizeof(filesystems) / sizeof(filesystems[0]); i++)
        if (memcmp(bytes + filesystems[i].at, filesystems[i].name, 8) == 0)
            return true;
    return false;
}

/* Whether a record could be one, and not the boot code of a filesystem that looks like one. */
static bool is_plausible(const struct mbr_record *record, uint64_t lbas)
{
    uint64_t first = le32toh(record->lba), n = le32toh(record->sectors);

    return record->code != 0 && first != 0 && first < lbas && n <= lbas - first;
}

struct mbr_count {
    unsigned used, typed, protective, plausible;
    bool flags_are_right; /* a flag is 0x80 or 0 */
};

static struct mbr_count count_records(const struct mbr_sector *s, uint64_t lbas)
{
    struct mbr_count count = {.flags_are_right = true};

    for (unsigned i = 0; i < MBR_RECORDS; i++) {
        const struct mbr_record *record = &s->records[i];

        if ((record->active & ~ACTIVE) != 0)
            count.flags_are_right = false;
        if (!is_used(record))
            continue;
        count.used++;
        count.typed += record->code != 0;
        count.protective += record->code == MBR_PROTECTIVE;
        count.plausible += is_plausible(record, lbas);
    }
    return count;
}

/* Boot code alone, such as a filesystem's or that of a disk to be, has no disk id, and rarely zeros
 * behind what would be one. */
static bool has_id(const struct mbr_sector *s)
{
    static const uint8_t none[4];

    return memcmp(s->id, none, sizeof(none)) != 0 && s->reserved[0] == s->reserved[1] &&
           (s->reserved[0] == 0 || s->reserved[0] == 0x5a);
}

enum mbr_what mbr_recognise(const uint8_t *sector, uint64_t lbas)
{
    struct mbr_sector s;
    struct mbr_count count;

    memcpy(&s, sector, sizeof(s));
    count = count_records(&s, lbas);
    if (s.signature[0] != 0x55 || s.signature[1] != 0xaa || !count.flags_are_right)
        return MBR_IS_NONE;
    if (is_filesystem(&s) && (count.used == 0 || count.plausible < count.used))
        return MBR_IS_NONE;
    if (count.protective > 0)
        return count.used == 1 ? MBR_IS_PROTECTIVE : MBR_IS_HYBRID;
    if (count.typed > 0)
        return MBR_IS_TABLE;
    return has_id(&s) ? MBR_IS_EMPTY : MBR_IS_NONE;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

bool mbr_is_bare_record(const uint8_t *bytes, unsigned sector)
{
    const struct mbr_sector *s = (const struct mbr_sector *)bytes;

    return s->signature[0] == 0x55 && s->signature[1] == 0xaa &&
           is_zero(bytes, offsetof(struct mbr_sector, records)) &&
           is_zero((const uint8_t *)&s->records[RECORDS_USED],
                   (MBR_RECORDS - RECORDS_USED) * sizeof(s->records[0])) &&
           is_zero(bytes + sizeof(*s), sector - sizeof(*s));
}

bool mbr_is_noise(const uint8_t *sector, uint64_t lbas)
{
    struct mbr_sector s;
    struct mbr_count count;

    memcpy(&s, sector, sizeof(s));
    count = count_records(&s, lbas);
    return count.used > 0 && count.plausible == 0;
}

bool mbr_was_protective(const uint8_t *sector, uint64_t lbas, uint64_t backup)
{
    unsigned used = 0, covering = 0;
    struct mbr_sector s;

    memcpy(&s, sector, sizeof(s));
    for (unsigned i = 0; i < MBR_RECORDS; i++) {
        uint32_t n = le32toh(s.records[i].sectors);

        used += n != 0;
        covering +=
            le32toh(s.records[i].lba) == 1 && (n == lbas - 1 || n == backup || n == UINT32_MAX);
    }
    return used == 1 && covering == 1;
}

static void encode_chs(uint64_t lba, uint8_t chs[3])
{
    uint64_t cylinder = lba / (CHS_HEADS * CHS_SECTORS);
    unsigned head = (unsigned)(lba / CHS_SECTORS % CHS_HEADS);
    unsigned in_track = (unsigned)(lba % CHS_SECTORS) + 1;

    if (cylinder > CHS_MOST) {
        cylinder = CHS_MOST;
        head = CHS_HEADS - 1;
        in_track = CHS_SECTORS;
    }
    chs[0] = (uint8_t)head;
    chs[1] = (uint8_t)(in_track | (cylinder >> 2 & 0xc0));
    chs[2] = (uint8_t)cylinder;
}

struct extent mbr_decode_range(const struct mbr_record *record, uint64_t base, unsigned sector)
{
    return (struct extent){base + (uint64_t)le32toh(record->lba) * sector,
                           (uint64_t)le32toh(record->sectors) * sector};
}

void mbr_encode(struct mbr_record *record, struct extent range, uint64_t base, uint8_t code,
                bool active, unsigned sector)
{
    uint64_t lba = range.start / sector, n = range.bytes / sector;
    struct mbr_record to = {.active = active ? ACTIVE : 0, .code = code};

    if (n == 0) {
        if (is_used(record))
            memset(record, 0, sizeof(*record));
        return;
    }
    to.lba = htole32((uint32_t)(lba - base / sector));
    to.sectors = htole32((uint32_t)n);
    if (to.active == record->active && to.code == record->code && to.lba == record->lba &&
        to.sectors == record->sectors)
        return;
    encode_chs(lba, to.first_chs);
    encode_chs(lba + n - 1, to.last_chs);
    *record = to;
}

bool mbr_make_protective(uint8_t *sector, uint64_t lbas)
{
    uint32_t n = htole32(lbas - 1 < UINT32_MAX ? (uint32_t)(lbas - 1) : UINT32_MAX);
    struct mbr_record protective = {.first_chs = {0, 2, 0},
                                    .code = MBR_PROTECTIVE,
                                    .last_chs = {0xff, 0xff, 0xff},
                                    .lba = htole32(1),
                                    .sectors = n};
    struct mbr_sector s;

    memcpy(&s, sector, sizeof(s));
    if (mbr_recognise(sector, lbas) == MBR_IS_PROTECTIVE) {
        for (unsigned i = 0; i < MBR_RECORDS; i++) {
            const struct mbr_record *there = &s.records[i];

            if (there->code == MBR_PROTECTIVE && there->lba == protective.lba &&
                (there->sectors == n || there->sectors == UINT32_MAX))
                return false;
        }
    } else {
        memset(s.id, 0, sizeof(s.id));
        memset(s.reserved, 0, sizeof(s.reserved));
    }
    memset(s.records, 0, sizeof(s.records));
    s.records[0] = protective;
    s.signature[0] = 0x55;
    s.signature[1] = 0xaa;
    memcpy(sector, &s, sizeof(s));
    return true;
}

void mbr_encode_sector(const struct table *table, unsigned sector_bytes, struct mbr_sector *sector)
{
    const struct table_extended *extended = &table->extended;

    memcpy(sector->id, table->uuid.bytes, sizeof(sector->id));
    sector->signature[0] = 0x55;
    sector->signature[1] = 0xaa;
    for (unsigned i = 0; i < MBR_RECORDS; i++) {
        struct extent range = {0, 0};
        uint8_t code = 0;
        bool active = false;

        if (extended->range.bytes > 0 && extended->number == i + 1) {
            range = extended->range;
            code = extended->code;
            active = sector->records[i].active != 0 && mbr_is_extended(sector->records[i].code);
        }
        for (size_t k = 0; k < table->n; k++) {
            const struct table_entry *entry = &table->entries[k];

            if (entry->number == i + 1) {
                range = entry->range;
                code = entry->code;
                active = (entry->attributes & TABLE_ACTIVE) != 0;
            }
        }
        mbr_encode(&sector->records[i], range, 0, code, active, sector_bytes);
    }
}
