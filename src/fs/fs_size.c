// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_size.c: the size in a filesystem's superblock: so many units of so many bytes. Each kind says
 * where both are (ext4: the kernel's ext4.h; XFS: xfs_format.h; btrfs: ctree.h; NTFS and FAT: their
 * BIOS parameter blocks; swap: include/linux/swap.h).
 */
#include "fs/fs_size.h"

#include <endian.h>
#include <string.h>

#define HEAD 4096 /* of a superblock, at most, is read */

static uint64_t little(const uint8_t *bytes, unsigned n)
{
    uint64_t number = 0;

    for (unsigned i = n; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

static uint64_t big(const uint8_t *bytes, unsigned n)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < n; i++)
        number = number << 8 | bytes[i];
    return number;
}

struct size {
    uint64_t units, unit;
};

static struct size ext_size(const uint8_t *s)
{
    bool wide = (s[96] & 0x80) != 0; /* INCOMPAT_64BIT */

    return (struct size){little(s + 4, 4) | (wide ? little(s + 336, 4) << 32 : 0),
                         s[24] < 8 ? UINT64_C(1024) << s[24] : 0};
}

static struct size xfs_size(const uint8_t *s)
{
    return (struct size){big(s + 8, 8), big(s + 4, 4)};
}

static struct size btrfs_size(const uint8_t *s)
{
    return (struct size){little(s + 209, 8), 1}; /* total_bytes of the device item at 201 */
}

/* The last sector has a copy of the first, and is not counted. */
static struct size ntfs_size(const uint8_t *s)
{
    return (struct size){little(s + 40, 8) + 1, little(s + 11, 2)};
}

static struct size fat_size(const uint8_t *s)
{
    uint64_t few = little(s + 19, 2);

    return (struct size){few != 0 ? few : little(s + 32, 4), little(s + 11, 2)};
}

static struct size swap_size(const uint8_t *s)
{
    bool told = little(s, 4) == 1; /* version 0 has a bitmap there */

    return (struct size){told ? little(s + 4, 4) + 1 : 0, 4096}; /* last_page, as on a PC */
}

static const struct {
    const char *name; /* as libblkid calls it */
    uint64_t at;      /* of the superblock */
    struct size (*size)(const uint8_t *superblock);
} kinds[] = {
    {"ext2", 1024, ext_size}, {"ext3", 1024, ext_size},     {"ext4", 1024, ext_size},
    {"xfs", 0, xfs_size},     {"btrfs", 65536, btrfs_size}, {"ntfs", 0, ntfs_size},
    {"vfat", 0, fat_size},    {"swap", 1024, swap_size},    {"swsuspend", 1024, swap_size},
};

int fs_size_at(struct blockdev *bd, uint64_t at, const char *name, uint64_t *bytes, struct err *e)
{
    size_t i = 0, n = sizeof(kinds) / sizeof(kinds[0]);
    uint8_t head[HEAD];
    struct size size;

    while (i < n && strcmp(kinds[i].name, name) != 0)
        i++;
    if (i == n || at > bd->bytes || bd->bytes - at < kinds[i].at + sizeof(head))
        return 0;
    if (blockdev_pread(bd, head, sizeof(head), at + kinds[i].at, e) < 0)
        return -1;
    size = kinds[i].size(head);
    if (size.units == 0 || size.unit == 0 || size.units > INT64_MAX / size.unit)
        return 0;
    *bytes = size.units * size.unit;
    return 1;
}
