// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fat_boot.c: the sectors that say where everything is. What is not about that stays as it was:
 * identity, label, place of the partition, boot code. Only a FAT32 that was none before, or is none
 * any more, has its parameters and its boot code elsewhere: it gets code that boots nothing.
 */
#include "fs/fat_change.h"

#include <endian.h>
#include <string.h>

#define INFO_SECTOR   1
#define BACKUP_SECTOR 6
#define UNKNOWN       0xffffffffU

/* int 0x18: the BIOS goes on to what it would boot next; then a loop. */
static const uint8_t no_code[] = {0xcd, 0x18, 0xeb, 0xfe};

static void to_fat32(struct fat_boot *boot)
{
    struct fat_identity identity = boot->fat16.identity;

    memset(&boot->fat32, 0, sizeof(boot->fat32));
    boot->fat32.identity = identity;
    boot->fat32.info = htole16(INFO_SECTOR);
    boot->fat32.backup = htole16(BACKUP_SECTOR);
    memcpy(boot->fat32.code, no_code, sizeof(no_code));
    memcpy(boot->jump, "\xeb\x58\x90", 3);
}

static void to_fat16(struct fat_boot *boot)
{
    struct fat_identity identity = boot->fat32.identity;

    memset(&boot->fat16, 0, sizeof(boot->fat16));
    boot->fat16.identity = identity;
    memcpy(boot->fat16.code, no_code, sizeof(no_code));
    memcpy(boot->jump, "\xeb\x3c\x90", 3);
}

static void set_sizes(struct fat_boot *boot, const struct fat_layout *to)
{
    bool few = to->bits != 32 && to->sectors <= UINT16_MAX;

    boot->reserved_sectors = htole16((uint16_t)to->reserved);
    boot->root_entries = htole16((uint16_t)to->root_entries);
    boot->sectors16 = htole16(few ? (uint16_t)to->sectors : 0);
    boot->sectors32 = htole32(few ? 0 : to->sectors);
    boot->fat_sectors16 = htole16(to->bits == 32 ? 0 : (uint16_t)to->fat_sectors);
}

static struct fat_boot new_boot(const struct fat_change *c)
{
    struct fat_boot boot = c->boot;

    if (c->to.bits == 32 && c->from.bits != 32)
        to_fat32(&boot);
    if (c->to.bits != 32 && c->from.bits == 32)
        to_fat16(&boot);
    set_sizes(&boot, &c->to);
    if (c->to.bits == 32) {
        boot.fat32.fat_sectors = htole32(c->to.fat_sectors);
        boot.fat32.flags = 0; /* all copies of the FAT count */
        boot.fat32.root_cluster = htole32(c->new_root);
        memcpy(boot.fat32.identity.type, "FAT32   ", 8);
    } else {
        memcpy(boot.fat16.identity.type, c->to.bits == 16 ? "FAT16   " : "FAT12   ", 8);
    }
    return boot;
}

static struct fat_info new_info(const struct fat_change *c)
{
    struct fat_info info = {.signature1 = htole32(FAT_INFO_SIGNATURE1),
                            .signature2 = htole32(FAT_INFO_SIGNATURE2),
                            .next_free = htole32(UNKNOWN),
                            .signature3 = htole32(FAT_INFO_SIGNATURE3)};

    info.free_clusters = htole32(c->to.clusters - fat_table_used(&c->to, c->new));
    return info;
}

/* A sector number of 0 or 0xffff means that there is none. */
static int write_at(const struct fat_change *c, unsigned sector, const void *data, struct err *e)
{
    if (sector == 0 || sector >= c->to.reserved)
        return 0;
    return blockdev_pwrite(c->bd, data, 512, (uint64_t)sector * c->to.sector, e);
}

static int write_fat32(const struct fat_change *c, const struct fat_boot *boot, struct err *e)
{
    unsigned info_at = le16toh(boot->fat32.info), backup = le16toh(boot->fat32.backup);
    struct fat_info info = new_info(c);

    if (write_at(c, info_at, &info, e) < 0 || write_at(c, backup, boot, e) < 0)
        return -1;
    /* the copy of FSInfo lies behind the copy of the boot sector, as it itself behind the first */
    return backup != 0 && info_at == INFO_SECTOR ? write_at(c, backup + info_at, &info, e) : 0;
}

int fat_change_boot(struct fat_change *change, struct err *e)
{
    struct fat_boot boot = new_boot(change);

    if (change->to.bits == 32 && write_fat32(change, &boot, e) < 0)
        return -1;
    return blockdev_pwrite(change->bd, &boot, sizeof(boot), 0, e);
}
