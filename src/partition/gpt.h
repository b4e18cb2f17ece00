// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * gpt.h: the GUID Partition Table as it is on a disk (UEFI 2.10 section 5.3). Little-endian; LBAs
 * are in the disk's sectors. For table*.c; whoever wants partitions takes table.h.
 */
#ifndef BERTH_PARTITION_GPT_H
#define BERTH_PARTITION_GPT_H

#include "partition/table.h"
#include "partition/table_window.h"

#define GPT_SIGNATURE    "EFI PART"
#define GPT_REVISION     0x00010000
#define GPT_HEADER_BYTES 92
#define GPT_ENTRY_BYTES  128 /* of an entry, at least, and in what berth makes */
#define GPT_ENTRY_MAX    4096
#define GPT_SECTOR_MAX   4096

struct gpt_header { /* table 5.5 */
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

struct gpt_entry { /* table 5.6; what is behind it belongs to the entry, and to nobody known */
    struct guid type, uuid;
    uint64_t first_lba, last_lba;
    uint64_t attributes;
    uint16_t name[TABLE_NAME_MAX];
} __attribute__((packed));

_Static_assert(sizeof(struct gpt_header) == GPT_HEADER_BYTES, "UEFI 2.10 table 5.5");
_Static_assert(sizeof(struct gpt_entry) == GPT_ENTRY_BYTES, "UEFI 2.10 table 5.6");

/* One copy of the table. */
struct gpt_copy {
    uint64_t lba;                   /* where its header is, or should be */
    bool signature;                 /* the sector says that it is a header */
    const char *wrong;              /* what is wrong with the copy; NULL: it is whole */
    bool header_is_right;           /* its entries may not be */
    struct gpt_header header;       /* in the machine's byte order */
    uint8_t sector[GPT_SECTOR_MAX]; /* the header's sector as it is */
    uint8_t *entries;               /* NULL unless the copy is whole, or lent */
    bool lent; /* the header is right, and its entries are whole at the other copy's place only */
};

/* What a disk has of a GPT: both copies. */
struct gpt_disk {
    struct gpt_copy primary, backup;
    bool backup_at_end; /* the backup's header, whole or not, is looked for in the last sector */
};

/* gpt_disk.c: reads both copies. The backup is where the primary says, else at the disk's end. */
int gpt_disk_read(struct table_window *window, struct gpt_disk *gpt, struct err *e);
void gpt_disk_clear(struct gpt_disk *gpt);

#define _cleanup_gpt_disk_ __attribute__((cleanup(gpt_disk_clear)))

/* Whether the byte is in an old backup of the table with that disk's GUID, as is left where a disk
 * ended before it was enlarged: 1 with all its sectors in *copy, 0, or -1. */
int gpt_find_old_copy(struct blockdev *bd, const struct guid *disk, uint64_t start,
                      struct extent *copy, struct err *e);

/* The size of the sectors that a GPT was made for whose header, right in itself, is where it would
 * be with that other size than the window's. 0: there is none; -1. */
int gpt_find_other_sector(struct table_window *window, struct err *e);

/* The copy that counts: the primary, if it is whole, else the backup; where neither is, the one
 * whose entries are lent. NULL: none. */
const struct gpt_copy *gpt_disk_copy(const struct gpt_disk *gpt);

/* True when both copies are whole and say the same. */
bool gpt_disk_agrees(const struct gpt_disk *gpt);

/* The sectors that so many bytes of entries take. */
uint64_t gpt_entry_sectors(const struct gpt_header *header, unsigned sector);

/* gpt_codec.c, pure: what a whole copy says, into an empty table; nothing is checked, a range that
 * no disk can have gets no bytes. */
int gpt_decode(const struct gpt_copy *copy, const struct blockdev *bd, struct table *table,
               struct err *e);

/* The header that says what the table says: where it is and where the other one is, in LBAs. From
 * `there`, which may be NULL, comes what berth does not know of it. `sector` has room for one. */
void gpt_encode_header(const struct table *table, const struct gpt_copy *there,
                       unsigned sector_bytes, const struct gpt_header *where, uint8_t *sector);

/* The table's entries, whole sectors of them; the same for bytes that berth does not know. *entries
 * is new. The table has passed table_validate. */
int gpt_encode_entries(const struct table *table, const struct gpt_copy *there,
                       unsigned sector_bytes, uint8_t **entries, size_t *bytes, struct err *e);

/* CRC-32 as a GPT has it (ISO 3309). */
uint32_t gpt_crc(const void *data, size_t bytes);

/* gpt_write.c: brings both copies and sector 0 to what the table says; see table_write. `gpt` is
 * what the disk has, `from_mbr` whether an MBR counts on it until sector 0 changes. */
int gpt_write(struct blockdev *bd, const struct table *table, const struct gpt_disk *gpt,
              bool from_mbr, struct err *e);

/* Where the table's parts are to be, in bytes. */
struct gpt_places {
    struct extent primary, primary_entries, backup, backup_entries;
};
/* ERR_NO_SPACE when they do not lie apart from each other and from the usable range. */
int gpt_places(const struct table *table, const struct blockdev *bd, struct gpt_places *places,
               struct err *e);

#endif
