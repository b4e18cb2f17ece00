// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * mbr.h: the Master Boot Record and its chain of extended boot records as they are on a disk (UEFI
 * 2.10 section 5.2 has the record; the chain is a convention). Little-endian; LBAs are in the
 * disk's sectors. For table*.c and gpt*.c; whoever wants partitions takes table.h.
 */
#ifndef BERTH_PARTITION_MBR_H
#define BERTH_PARTITION_MBR_H

#include "partition/table.h"
#include "partition/table_window.h"

#define MBR_PROTECTIVE   0xee
#define MBR_RECORDS      4
#define MBR_FIRST        5    /* the number of the first logical partition */
#define MBR_LOGICALS_MAX 1024 /* as many as berth reads and writes */

struct mbr_record {
    uint8_t active; /* 0x80, or 0 */
    uint8_t first_chs[3];
    uint8_t code;
    uint8_t last_chs[3];
    uint32_t lba, sectors;
} __attribute__((packed));

struct mbr_sector {
    uint8_t boot_code[440];
    uint8_t id[4];
    uint8_t reserved[2];
    struct mbr_record records[MBR_RECORDS];
    uint8_t signature[2];
} __attribute__((packed));

_Static_assert(sizeof(struct mbr_sector) == 512, "UEFI 2.10 table 5.1");

enum mbr_what {
    MBR_IS_NONE,       /* no table: boot code, a filesystem, anything */
    MBR_IS_EMPTY,      /* a table without a partition */
    MBR_IS_TABLE,      /* one with partitions */
    MBR_IS_PROTECTIVE, /* it stands before a GPT */
    MBR_IS_HYBRID,     /* it says that there is a GPT, and has partitions */
};

/* mbr_codec.c, pure: what sector 0 is. */
enum mbr_what mbr_recognise(const uint8_t *sector, uint64_t lbas);

/* The only record that is used covers the disk from sector 1 on, as the protective one does, to the
 * end that the disk has, or that a GPT's backup says. */
bool mbr_was_protective(const uint8_t *sector, uint64_t lbas, uint64_t backup);

/* Records that are used, of which none lies on the disk: any bytes may look like that. */
bool mbr_is_noise(const uint8_t *sector, uint64_t lbas);

/* A sector that has two records of a chain and the signature, and nothing else. */
bool mbr_is_bare_record(const uint8_t *bytes, unsigned sector);

bool mbr_is_extended(uint8_t code);

/* Sector 0 in front of a GPT; false when it is that already. The boot code stays. */
bool mbr_make_protective(uint8_t *sector, uint64_t lbas);

/* The range of a record whose LBA is relative to `base`, both in bytes. */
struct extent mbr_decode_range(const struct mbr_record *record, uint64_t base, unsigned sector);

/* The record for a range; one that says the same already keeps every byte. bytes 0: an empty one.
 */
void mbr_encode(struct mbr_record *record, struct extent range, uint64_t base, uint8_t code,
                bool active, unsigned sector);

/* Sector 0 as the table has it; what is no part of the table stays. */
void mbr_encode_sector(const struct table *table, unsigned sector_bytes, struct mbr_sector *sector);

/* One boot record of the chain; it points to the one behind it in the list. */
struct mbr_node {
    uint64_t at;        /* where it is, bytes; 0: not placed yet */
    struct extent data; /* its partition; bytes 0: it has none */
    uint8_t code;
    bool active;
    bool dangles; /* on the disk: it is no record, or its link leads to none that the chain can have
                   */
    bool none;    /* on the disk: it is no record */
    /* What writing it means, next to what the disk has: */
    enum { NODE_SAME, NODE_NEW, NODE_CHANGED } state;
};

/* A chain; the first node is always at the start of the extended partition. */
struct mbr_chain {
    struct extent extended; /* bytes 0: there is none */
    struct mbr_node *nodes;
    size_t n;
};

void mbr_chain_clear(struct mbr_chain *chain);

#define _cleanup_mbr_chain_ __attribute__((cleanup(mbr_chain_clear)))

/* mbr_read.c: what sector 0 in the window and its chain say, into an empty table, with the damage
 * of the chain. *chain has every boot record that can be read. */
int mbr_read(struct table_window *window, struct table *table, struct mbr_chain *chain,
             struct err *e);

/* mbr_lost.c: what there may have been behind a first boot record that is erased, or a chain that
 * comes back to itself, beside what the table has: as a list of options for `part add`. *text is
 * new; NULL: nothing is found. */
int mbr_find_lost(struct table_window *window, const struct table *there, char **text,
                  struct err *e);

/* mbr_chain.c, pure: the table's logical partitions as a chain, each record where the table says.
 */
int mbr_chain_make(const struct table *table, struct mbr_chain *chain, struct err *e);

/*
 * Finds a place for every record that has none or cannot stay, and fills in the states, such that
 * of the records that `old` (NULL: there is no chain) points to at most one changes, the others
 * that must change are new ones elsewhere: writing that one record makes the old chain the new one.
 * Where the two extended partitions begin at different places none changes. Nothing is placed in
 * `avoid`, and in one of `busy` only when there is nowhere else. ERR_NO_SPACE when there is no
 * place.
 */
struct mbr_room {
    unsigned sector;
    struct extent avoid;
    const struct extent *busy; /* partitions that are on the disk now, and a GPT's backup */
    size_t n_busy;
};
int mbr_chain_place(struct mbr_chain *chain, const struct mbr_chain *old,
                    const struct mbr_room *room, struct err *e);

/* mbr_write.c: brings sector 0 and the chain to what the table says; see table_write. `there` and
 * `chain` are what the disk has. */
int mbr_write(struct blockdev *bd, const struct table *table, const struct table *there,
              const struct mbr_chain *chain, struct err *e);

#endif
