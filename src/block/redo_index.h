// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * redo_index.h: the journal's index: a header and one entry for each run of blocks, with the CRC of
 * the run's data; its own CRC is in struct redo. Entries hold places on both devices, so that data
 * may be split over several ranges of room. For redo_*.c only.
 *
 * An entry also has the CRC of what it overwrites. While the filesystem can be recognised, all
 * entries' places hold what they did or what they shall: else somebody has mounted and written it
 * since, and the journal would destroy that. What a resize changes of a filesystem are its maps of
 * what is in use and of where things are, so that hardly anything can be written without changing
 * one of those blocks.
 */
#ifndef BERTH_BLOCK_REDO_INDEX_H
#define BERTH_BLOCK_REDO_INDEX_H

#include "block/redo.h"

#define REDO_BLOCK       UINT64_C(4096)
#define REDO_RUN_MOST    (UINT64_C(1) << 20) /* bytes of data in one entry, and of a buffer */
#define REDO_ENTRIES_MAX (UINT64_C(1) << 21)
#define REDO_MAGIC       "berthRDO"

enum redo_kind { REDO_DATA = 1, REDO_ZEROS = 2 };

struct redo_entry {
    uint64_t to;     /* on the disk */
    uint64_t from;   /* in the journal's device; 0 for zeros */
    uint64_t bytes;  /* at most REDO_RUN_MOST, but for zeros */
    uint32_t crc;    /* of the data */
    uint32_t before; /* the CRC of what it replaces */
    uint32_t kind, unused;
};

struct redo_index {
    char magic[8];
    uint64_t n; /* entries that follow */
    uint64_t unused[2];
};

uint32_t redo_crc(const void *data, size_t n);

bool redo_is_zeros(const char *bytes, size_t n);

/* The CRC of a range of any length; `bd` NULL: of so many zeros. `buf`: a redo_buffer. */
int redo_crc_on(struct blockdev *bd, uint64_t start, uint64_t bytes, char *buf, uint32_t *crc,
                struct err *e);

/* REDO_RUN_MOST bytes, aligned to blocks, for free(); NULL with the err filled. */
void *redo_buffer(struct err *e);

#endif
