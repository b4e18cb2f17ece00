// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * journal_xfs.c: how the log of an XFS ends. It is a ring of blocks of 512 bytes, each of which
 * starts with the number of the round it was written in, so that the head, where the next record
 * goes, is where that number changes. An unmount leaves one record just in front of the head that
 * says so; anything else there is to be replayed.
 *
 * Source: XFS Algorithms and Data Structures, "Journaling Log"; Linux
 * fs/xfs/libxfs/xfs_log_format.h. All numbers are big-endian.
 */
#include "os/journal_xfs.h"

#include <endian.h>
#include <string.h>

#define BLOCK       512U /* bytes, as all counts of blocks here */
#define MAGIC       0xfeedbabeU
#define HEADER_DATA 32768U /* bytes of a record for which one header block is enough */
#define UNMOUNT     0x20U  /* a flag of an operation */
#define OP_FLAGS    9U     /* where an operation's header has its flags */

/* The superblock's members, by their offsets. */
enum {
    SB_BLOCK_SIZE = 4,
    SB_LOG_START = 48,
    SB_AG_BLOCKS = 84,
    SB_LOG_BLOCKS = 96,
    SB_AG_LOG = 124
};

/* A record's header: magic, cycle, version, bytes behind it, two addresses (u64), checksum,
 * previous block, number of operations; and far behind them how large records may get. */
enum { R_MAGIC = 0, R_CYCLE = 4, R_VERSION = 8, R_BYTES = 12, R_OPERATIONS = 40, R_SIZE = 320 };

#define RECORD_MAX (256U * 1024 / BLOCK + 16) /* blocks of the longest record and its headers */

struct log {
    struct blockdev *bd;
    uint64_t start; /* in bytes of the device */
    uint64_t blocks;
};

static uint32_t number(const uint8_t *bytes, size_t at)
{
    uint32_t value;

    memcpy(&value, bytes + at, sizeof(value));
    return be32toh(value);
}

/* A number of a filesystem block has the allocation group above the block in it. */
static bool find_log(struct blockdev *bd, const uint8_t *super, struct log *log)
{
    uint64_t block = number(super, SB_BLOCK_SIZE), start, group, in_group;
    unsigned group_bits = super[SB_AG_LOG];

    memcpy(&start, super + SB_LOG_START, sizeof(start));
    start = be64toh(start);
    if (start == 0 || group_bits > 31 || block < BLOCK || block > 65536)
        return false;
    group = start >> group_bits;
    in_group = start & ((UINT64_C(1) << group_bits) - 1);
    if (group > UINT32_MAX)
        return false;
    start = group * number(super, SB_AG_BLOCKS) + in_group;
    log->bd = bd;
    log->blocks = number(super, SB_LOG_BLOCKS) * block / BLOCK;
    if (log->blocks < 2 || start > bd->bytes / block ||
        log->blocks * BLOCK > bd->bytes - start * block)
        return false;
    log->start = start * block;
    return true;
}

/* at: of the log, round and round. */
static int read_block(const struct log *log, uint64_t at, uint8_t data[BLOCK], struct err *e)
{
    return blockdev_pread(log->bd, data, BLOCK, log->start + at % log->blocks * BLOCK, e);
}

static int read_cycle(const struct log *log, uint64_t at, uint32_t *cycle, struct err *e)
{
    uint8_t data[BLOCK];

    if (read_block(log, at, data, e) < 0)
        return -1;
    *cycle = number(data, number(data, R_MAGIC) == MAGIC ? R_CYCLE : R_MAGIC);
    return 0;
}

/* The first block of another round than the log's first block; the log's end when there is none. */
static int find_head(const struct log *log, uint64_t *head, struct err *e)
{
    uint64_t low = 0, high = log->blocks;
    uint32_t first, cycle;

    if (read_cycle(log, 0, &first, e) < 0)
        return -1;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;

        if (read_cycle(log, middle, &cycle, e) < 0)
            return -1;
        if (cycle == first)
            low = middle;
        else
            high = middle;
    }
    *head = high;
    return 0;
}

/* The last header in front of the head; 1 with the number of blocks between. */
static int find_record(const struct log *log, uint64_t head, uint8_t header[BLOCK], uint64_t *back,
                       struct err *e)
{
    for (*back = 1; *back <= RECORD_MAX && *back <= log->blocks; (*back)++) {
        if (read_block(log, head + log->blocks - *back, header, e) < 0)
            return -1;
        if (number(header, R_MAGIC) == MAGIC)
            return 1;
    }
    return 0;
}

static uint64_t header_blocks(const uint8_t *header)
{
    uint32_t size = number(header, R_SIZE);

    if ((number(header, R_VERSION) & 2) == 0 || size <= HEADER_DATA || size > 8 * HEADER_DATA)
        return 1;
    return (size + HEADER_DATA - 1) / HEADER_DATA;
}

int journal_xfs_needs_recovery(struct blockdev *bd, const uint8_t *superblock, bool *needs,
                               struct err *e)
{
    struct log log;
    uint64_t head, back, headers;
    uint8_t header[BLOCK], data[BLOCK];
    int found;

    *needs = false;
    if (!find_log(bd, superblock, &log))
        return 0;
    if (find_head(&log, &head, e) < 0 || (found = find_record(&log, head, header, &back, e)) < 0)
        return -1;
    *needs = true;
    headers = header_blocks(header);
    if (found == 0 || number(header, R_OPERATIONS) != 1 ||
        headers + (number(header, R_BYTES) + BLOCK - 1) / BLOCK != back)
        return 0;
    if (read_block(&log, head + log.blocks - back + headers, data, e) < 0)
        return -1;
    *needs = (data[OP_FLAGS] & UNMOUNT) == 0;
    return 0;
}
