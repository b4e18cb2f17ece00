// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_ntfs_boot.c: NTFS's boot sector: a parameter block like FAT's, and how large the volume is.
 * Its copy is in the partition's last sector, which the volume does not count; between the volume's
 * end and that sector there may be others, since a volume is made of whole clusters.
 */
#include "core/size.h"
#include "fs/fs_ntfs.h"

#include <endian.h>
#include <string.h>

#define SECTOR_MAX  4096
#define CLUSTER_MAX (2U << 20)
#define MIRRORED    4 /* records of $MFT that $MFTMirr has, at least */
#define RECORD_MAX  4096

struct boot_sector {
    uint8_t jump[3];
    char oem[8];
    uint16_t sector;
    uint8_t cluster_sectors; /* above 128: 2 to the power of 256 less it */
    uint8_t unused1[14];
    uint32_t hidden_sectors;
    uint8_t unused2[8];
    uint64_t sectors;
    uint64_t mft_cluster, mirror_cluster;
    int8_t record_clusters; /* below 0: 2 to the power of its negative, in bytes */
    uint8_t unused3[7];
    uint64_t serial;
} __attribute__((packed));

static unsigned cluster_sectors(const struct boot_sector *boot)
{
    unsigned n = boot->cluster_sectors;

    if (n > 128)
        return 256 - n < 16 ? 1U << (256 - n) : 0;
    return n;
}

int fs_ntfs_boot_read(struct blockdev *bd, struct fs_ntfs_boot *result, struct err *e)
{
    struct boot_sector boot;
    uint64_t sectors, cluster;

    if (bd->bytes < SECTOR_MAX || blockdev_pread(bd, &boot, sizeof(boot), 0, e) < 0)
        return err_wrap(e, "%s: reading the boot sector", bd->name);
    if (memcmp(boot.oem, "-FVE-FS-", 8) == 0) {
        err_set(e, ERR_REFUSED, "%s is encrypted by BitLocker", bd->name);
        return err_hint(e, "in Windows, turn BitLocker off for that drive and let it decrypt it");
    }
    result->sector = le16toh(boot.sector);
    cluster = (uint64_t)result->sector * cluster_sectors(&boot);
    sectors = le64toh(boot.sectors);
    if (memcmp(boot.oem, "NTFS    ", 8) != 0 || result->sector < 256 ||
        result->sector > SECTOR_MAX || cluster == 0 || cluster > CLUSTER_MAX ||
        sectors >= bd->bytes / result->sector)
        return err_set(e, ERR_REFUSED, "%s: its NTFS boot sector makes no sense", bd->name);
    result->cluster = (unsigned)cluster;
    result->bytes = (sectors + 1) * result->sector;
    result->record = boot.record_clusters >= 0    ? (unsigned)boot.record_clusters * result->cluster
                     : boot.record_clusters > -16 ? 1U << -boot.record_clusters
                                                  : 0;
    result->mft = le64toh(boot.mft_cluster);
    result->mirror = le64toh(boot.mirror_cluster);
    return 0;
}

bool fs_ntfs_mirror_differs(struct blockdev *bd)
{
    uint8_t first[MIRRORED * RECORD_MAX], copy[MIRRORED * RECORD_MAX];
    struct fs_ntfs_boot boot;
    struct err ignored;
    uint64_t clusters;
    size_t n;

    if (fs_ntfs_boot_read(bd, &boot, &ignored) < 0 || boot.record > RECORD_MAX)
        return false;
    n = (size_t)MIRRORED * boot.record;
    clusters = bd->bytes / boot.cluster;
    return boot.mft < clusters && boot.mirror < clusters &&
           blockdev_pread(bd, first, n, boot.mft * boot.cluster, &ignored) == 0 &&
           blockdev_pread(bd, copy, n, boot.mirror * boot.cluster, &ignored) == 0 &&
           memcmp(first, copy, n) != 0;
}

int fs_ntfs_boot_patch(struct blockdev *bd, size_t offset, const void *data, size_t n,
                       struct err *e)
{
    struct fs_ntfs_boot boot;
    char sector[SECTOR_MAX];

    if (fs_ntfs_boot_read(bd, &boot, e) < 0 || blockdev_pread(bd, sector, boot.sector, 0, e) < 0)
        return -1;
    memcpy(sector + offset, data, n);
    if (blockdev_pwrite(bd, sector, boot.sector, round_down(bd->bytes, boot.sector) - boot.sector,
                        e) < 0)
        return -1;
    return blockdev_pwrite(bd, sector, boot.sector, 0, e);
}
