// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * file_sector.c: finds out a file's sector size. A table counts in sectors and does not say how
 * large they are: so its partitions are looked for where each size would have them. Where berth has
 * worked on an MBR its log says it.
 */
#include "block/file_sector.h"
#include "block/area_format.h"
#include "core/size.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define SMALL 512
#define LARGE 4096

/* Sector 0 (UEFI 2.10 table 5.1), and any boot record of logical partitions. */
#define BOOT_BYTES  512
#define ID_AT       440
#define ID_BYTES    4
#define RECORDS_AT  446
#define RECORDS     4
#define PROTECTIVE  0xee
#define FLAG_ACTIVE 0x80
#define MBR_REACH   (UINT64_C(1) << 41) /* 2^32 small sectors */

struct record {
    uint8_t active, first_chs[3], code, last_chs[3];
    uint32_t lba, sectors;
} __attribute__((packed));

/* By what the beginning of a partition is known. */
static const struct {
    unsigned at;
    const char *bytes;
    size_t n;
} heads[] = {
    {510, "\x55\xaa", 2},  /* FAT, exFAT, NTFS, BitLocker, and boot sectors of systems */
    {1080, "\x53\xef", 2}, /* ext2, ext3, ext4 */
    {0, "XFSB", 4},
    {0, "LUKS\xba\xbe", 6},
    {0, "hsqs", 4},                /* squashfs */
    {512, "LABELONE", 8},          /* LVM */
    {1024, "\x10\x20\xf5\xf2", 4}, /* F2FS */
    {4086, "SWAPSPACE2", 10},
    {4096, "\xfc\x4e\x2b\xa9", 4}, /* Linux RAID */
    {65600, "_BHRfS_M", 8},        /* btrfs */
};

static bool reads(int fd, uint64_t offset, const void *bytes, size_t n)
{
    uint8_t buf[16];

    return n <= sizeof(buf) && offset <= INT64_MAX &&
           pread(fd, buf, n, (off_t)offset) == (ssize_t)n && memcmp(buf, bytes, n) == 0;
}

/* ---- GPT ---- */

static bool has_gpt_header(int fd, uint64_t offset)
{
    return offset > 0 && reads(fd, offset, "EFI PART", 8);
}

/* The size that puts a header, or else the backup's, where one is; 0: neither does. */
static unsigned sector_of_gpt(int fd, uint64_t bytes)
{
    static const unsigned sizes[] = {SMALL, LARGE};

    for (size_t i = 0; i < 2; i++)
        if (has_gpt_header(fd, sizes[i]))
            return sizes[i];
    for (size_t i = 0; i < 2; i++)
        if (bytes >= sizes[i] && has_gpt_header(fd, bytes - bytes % sizes[i] - sizes[i]))
            return sizes[i];
    return 0;
}

/* ---- MBR ---- */

/* Reads the records there. Returns how many are used; 0: it is no boot record. */
static unsigned read_records(int fd, uint64_t offset, struct record records[RECORDS])
{
    uint8_t sector[BOOT_BYTES];
    unsigned used = 0;

    if (offset > INT64_MAX || pread(fd, sector, sizeof(sector), (off_t)offset) != sizeof(sector) ||
        sector[BOOT_BYTES - 2] != 0x55 || sector[BOOT_BYTES - 1] != 0xaa)
        return 0;
    memcpy(records, sector + RECORDS_AT, RECORDS * sizeof(*records));
    for (unsigned i = 0; i < RECORDS; i++) {
        if ((records[i].active & ~FLAG_ACTIVE) != 0 ||
            (records[i].sectors != 0 && records[i].code == PROTECTIVE))
            return 0;
        used += records[i].sectors != 0;
    }
    return used;
}

/* A table without partitions: an id, a signature, and nothing between. */
static bool is_empty_table(int fd)
{
    static const uint8_t none[RECORDS * sizeof(struct record)];
    uint8_t sector[BOOT_BYTES];

    return pread(fd, sector, sizeof(sector), 0) == sizeof(sector) &&
           sector[BOOT_BYTES - 2] == 0x55 && sector[BOOT_BYTES - 1] == 0xaa &&
           memcmp(sector + RECORDS_AT, none, sizeof(none)) == 0 &&
           memcmp(sector + ID_AT, none, ID_BYTES) != 0;
}

static bool is_extended(const struct record *record)
{
    return record->code == 0x05 || record->code == 0x0f || record->code == 0x85;
}

/* A chain's records have a partition and a link, and no more (so a FAT's boot sector is none). */
static bool begins_chain(int fd, uint64_t offset)
{
    struct record records[RECORDS];

    return read_records(fd, offset, records) > 0 && records[2].sectors == 0 &&
           records[3].sectors == 0;
}

static bool begins_known(int fd, uint64_t offset)
{
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (reads(fd, offset + heads[i].at, heads[i].bytes, heads[i].n))
            return true;
    return false;
}

/* What speaks for one size. */
struct evidence {
    bool fits;      /* every partition ends inside the file */
    bool aligned;   /* every partition begins at a mebibyte, as all of today's tools have it */
    unsigned known; /* how many begin as a partition of their kind does */
};

static struct evidence weigh(int fd, uint64_t bytes, const struct record *records, unsigned sector)
{
    struct evidence evidence = {.fits = true, .aligned = true};

    for (unsigned i = 0; i < RECORDS; i++) {
        uint64_t start = (uint64_t)le32toh(records[i].lba) * sector;
        uint64_t n = (uint64_t)le32toh(records[i].sectors) * sector;

        if (n == 0)
            continue;
        if (start + n > bytes)
            evidence.fits = false;
        if (start % MIB != 0)
            evidence.aligned = false;
        evidence.known +=
            is_extended(&records[i]) ? begins_chain(fd, start) : begins_known(fd, start);
    }
    return evidence;
}

/* What a deleted partition has left may lie where the other size has one by accident. So where the
 * table looks as if it were made for small sectors, every partition has to say otherwise. */
static bool is_large(const struct evidence *small, const struct evidence *large, unsigned used)
{
    if (!large->fits || large->known == 0 || small->known > 0)
        return false;
    return !small->aligned || (used > 1 && large->known == used);
}

static uint64_t file_bytes(int fd)
{
    off_t end = lseek(fd, 0, SEEK_END);

    return end > 0 ? (uint64_t)end : 0;
}

/* What the log of berth's work on that MBR says, 0: nothing. It is where a free range of the disk
 * ends: before a partition, at the first mebibyte or at the end. */
static unsigned sector_of_log(int fd, uint64_t bytes, const struct record *records)
{
    uint64_t ends[2 * RECORDS + 3] = {MIB, bytes, MBR_REACH};
    uint8_t boot_record[AREA_BOOT_RECORD];
    size_t n = 3;

    if (pread(fd, boot_record, sizeof(boot_record), 0) != sizeof(boot_record))
        return 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        ends[n++] = (uint64_t)le32toh(records[i].lba) * SMALL;
        ends[n++] = (uint64_t)le32toh(records[i].lba) * LARGE;
    }
    return area_sector(fd, ends, n, boot_record);
}

/* Where the MBR's partitions fit; the records are those of sector 0, `used` of them used. */
static unsigned sector_of_mbr(int fd, const struct record *records, unsigned used, bool *certain)
{
    uint64_t bytes = file_bytes(fd);
    unsigned logged = sector_of_log(fd, bytes, records);
    struct evidence small, large;

    *certain = true;
    small = weigh(fd, bytes, records, SMALL);
    large = weigh(fd, bytes, records, LARGE);
    if (logged == SMALL || (logged == LARGE && large.fits))
        return logged;
    if (is_large(&small, &large, used))
        return LARGE;
    *certain = !large.fits || (small.known > 0 && large.known == 0);
    if (*certain || small.known > 0 || small.aligned || !large.aligned)
        return SMALL;
    return LARGE;
}

unsigned file_sector(int fd, bool *certain)
{
    struct record records[RECORDS];
    unsigned used, sector = sector_of_gpt(fd, file_bytes(fd));

    *certain = true;
    if (sector != 0)
        return sector;
    used = read_records(fd, 0, records);
    if (used > 0)
        return sector_of_mbr(fd, records, used, certain);
    if (is_empty_table(fd))
        sector = sector_of_log(fd, file_bytes(fd), (const struct record[RECORDS]){0});
    *certain = sector != 0 || !is_empty_table(fd);
    return sector != 0 ? sector : SMALL;
}

/* An MBR counts whatever is left of a GPT, as for those who read the table. */
unsigned file_sector_against(int fd, unsigned sector)
{
    struct record records[RECORDS];
    unsigned used = read_records(fd, 0, records), shown;
    bool certain = true;

    if (used > 0)
        shown = sector_of_mbr(fd, records, used, &certain);
    else
        shown = has_gpt_header(fd, sector) ? sector : sector_of_gpt(fd, file_bytes(fd));
    return certain && shown != sector ? shown : 0;
}
