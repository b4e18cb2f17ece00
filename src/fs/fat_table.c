// SPDX-License-Identifier: GPL-3.0-or-later
/* fat_table.c: decodes and encodes FATs (specification, "FAT Data Structure"). */
#include "fs/fat_table.h"
#include "core/cleanup.h"

#include <endian.h>
#include <string.h>

static uint64_t fat_bytes(const struct fat_layout *l)
{
    return (uint64_t)l->fat_sectors * l->sector;
}

static uint32_t decode(const uint8_t *fat, unsigned bits, uint64_t n)
{
    uint16_t two;
    uint32_t four;

    if (bits == 32) {
        memcpy(&four, fat + n * 4, sizeof(four));
        return le32toh(four) & FAT32_MASK;
    }
    memcpy(&two, fat + n * bits / 8, sizeof(two));
    two = le16toh(two);
    if (bits == 16)
        return two;
    return n % 2 != 0 ? two >> 4 : two & 0xfff;
}

static void encode(uint8_t *fat, unsigned bits, uint64_t n, uint32_t value)
{
    uint8_t *at = fat + n * bits / 8;

    if (bits == 12 && n % 2 != 0) {
        at[0] = (uint8_t)((at[0] & 0x0f) | value << 4);
        at[1] = (uint8_t)(value >> 4);
    } else if (bits == 12) {
        at[0] = (uint8_t)value;
        at[1] = (uint8_t)((at[1] & 0xf0) | (value >> 8 & 0x0f));
    } else {
        for (unsigned i = 0; i < bits / 8; i++)
            at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* As FAT32 has it. The value before the bad one leads nowhere. */
static int widen(const struct fat_layout *l, uint32_t raw, uint32_t *value)
{
    uint32_t mask = (uint32_t)(((uint64_t)1 << l->bits) - 1) & FAT32_MASK;

    *value = raw;
    if (raw >= (FAT_CLUSTER_BAD & mask))
        *value = raw == (FAT_CLUSTER_BAD & mask) ? FAT_CLUSTER_BAD : FAT_CLUSTER_END;
    else if (raw != 0 && !fat_layout_has(l, raw))
        return -1;
    return 0;
}

uint32_t *fat_table_read(struct blockdev *bd, const struct fat_layout *l, uint64_t at,
                         struct err *e)
{
    _cleanup_free_ uint8_t *fat = malloc(fat_bytes(l) + 1); /* FAT12's last entry is read as two */
    _cleanup_free_ uint32_t *table = calloc((size_t)l->clusters + 2, sizeof(*table));

    if (fat == NULL || table == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (blockdev_pread(bd, fat, fat_bytes(l), at, e) < 0)
        return NULL;
    for (uint32_t n = 2; n < l->clusters + 2; n++)
        if (widen(l, decode(fat, l->bits, n), &table[n]) < 0) {
            err_set(e, ERR_VERIFY, "%s: the FAT's entry %u leads outside the filesystem", bd->name,
                    n);
            return NULL;
        }
    return steal(table);
}

int fat_table_write(struct blockdev *bd, const struct fat_layout *l, const uint32_t *table,
                    uint8_t media, struct err *e)
{
    _cleanup_free_ uint8_t *fat = calloc(1, fat_bytes(l) + 1);

    if (fat == NULL)
        return err_no_memory(e);
    encode(fat, l->bits, 0, 0x0fffff00U | media);
    encode(fat, l->bits, 1, FAT_CLUSTER_END);
    for (uint32_t n = 2; n < l->clusters + 2; n++)
        encode(fat, l->bits, n, table[n]);
    for (uint32_t copy = 0; copy < l->fats; copy++)
        if (blockdev_pwrite(bd, fat, fat_bytes(l),
                            (uint64_t)l->reserved * l->sector + copy * fat_bytes(l), e) < 0)
            return -1;
    return 0;
}

uint32_t fat_table_used(const struct fat_layout *l, const uint32_t *table)
{
    uint32_t used = 0;

    for (uint32_t n = 2; n < l->clusters + 2; n++)
        used += table[n] != 0;
    return used;
}
