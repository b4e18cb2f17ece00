// SPDX-License-Identifier: GPL-3.0-or-later
/* superblock_copy.c: which group of its filesystem a superblock is in, and where that begins. */
#include "fs/superblock_copy.h"

#include <endian.h>
#include <ext2fs/ext2_fs.h>
#include <string.h>

#define LOG_BLOCK_MAX  6 /* of ext: 64 KiB */
#define XFS_SECTOR_MAX 32768
#define XFS_BLOCK_MAX  65536

/* `blocks` of `unit` bytes before `at`; false: nothing can begin there, so it is no copy of it. */
static bool go_back(uint64_t at, uint64_t blocks, uint64_t unit, uint64_t *start)
{
    uint64_t bytes;

    if (__builtin_mul_overflow(blocks, unit, &bytes) || bytes <= EXT_SUPERBLOCK_AT || bytes > at)
        return false;
    *start = at - bytes;
    return true;
}

static int find_ext(struct blockdev *bd, uint64_t at, uint64_t *start, struct err *e)
{
    struct ext2_super_block s;
    uint64_t blocks;

    if (at > bd->bytes || bd->bytes - at < sizeof(s))
        return 0;
    if (blockdev_pread(bd, &s, sizeof(s), at, e) < 0)
        return -1;
    if (le16toh(s.s_magic) != EXT2_SUPER_MAGIC || s.s_block_group_nr == 0 ||
        le32toh(s.s_log_block_size) > LOG_BLOCK_MAX)
        return 0;
    blocks = (uint64_t)le16toh(s.s_block_group_nr) * le32toh(s.s_blocks_per_group) +
             le32toh(s.s_first_data_block);
    return go_back(at, blocks, UINT64_C(1024) << le32toh(s.s_log_block_size), start);
}

struct xfs_head {
    char magic[4];
    uint32_t block_size;
    uint8_t more[76];
    uint32_t group_blocks;
    uint8_t others[14];
    uint16_t sector_size;
};

_Static_assert(offsetof(struct xfs_head, group_blocks) == 84, "sb_agblocks");
_Static_assert(offsetof(struct xfs_head, sector_size) == 102, "sb_sectsize");

struct xfs_group {
    char magic[4];
    uint32_t version, number;
};

static int find_xfs(struct blockdev *bd, uint64_t at, uint64_t *start, struct err *e)
{
    struct xfs_head head;
    struct xfs_group group;
    unsigned sector;

    if (at > bd->bytes || bd->bytes - at < XFS_SECTOR_MAX + sizeof(group))
        return 0;
    if (blockdev_pread(bd, &head, sizeof(head), at, e) < 0)
        return -1;
    sector = be16toh(head.sector_size);
    if (memcmp(head.magic, "XFSB", 4) != 0 || sector > XFS_SECTOR_MAX ||
        be32toh(head.block_size) > XFS_BLOCK_MAX)
        return 0;
    if (blockdev_pread(bd, &group, sizeof(group), at + sector, e) < 0)
        return -1;
    if (memcmp(group.magic, "XAGF", 4) != 0 || group.number == 0)
        return 0;
    return go_back(at, (uint64_t)be32toh(group.number) * be32toh(head.group_blocks),
                   be32toh(head.block_size), start);
}

int superblock_copy_at(struct blockdev *bd, uint64_t at, const char **fs, uint64_t *start,
                       struct err *e)
{
    int found = find_ext(bd, at, start, e);

    *fs = "ext";
    if (found != 0)
        return found;
    *fs = "xfs";
    return find_xfs(bd, at, start, e);
}
