// SPDX-License-Identifier: GPL-3.0-or-later
/* sfdisk_align.c: sfdisk's rounding, for a disk without a topology of its own. Pure. */
#include "core/size.h"
#include "partition/sfdisk.h"

void sfdisk_disk_of(const struct blockdev *bd, uint64_t grain, struct sfdisk_disk *disk)
{
    uint64_t mib = MIB / bd->sector;

    disk->total = bd->bytes / bd->sector;
    disk->first = wanted_first_lba(bd);
    disk->grain = grain != 0 ? grain / bd->sector : disk->total <= mib * 4 ? 1 : mib;
    if (disk->grain == 0)
        disk->grain = 1;
}

/* Below the first sector everything is rounded to that one. */
static uint64_t round_at(const struct sfdisk_disk *disk, uint64_t at, uint64_t add)
{
    if (at % disk->grain == 0)
        return at;
    if (at < disk->first)
        return disk->first;
    return round_down(at + add, disk->grain);
}

uint64_t sfdisk_align(const struct sfdisk_disk *disk, uint64_t at, uint64_t start, uint64_t stop)
{
    if (start + disk->grain <= stop) {
        start = round_at(disk, start, disk->grain);
        stop = round_at(disk, stop, 0);
    }
    if (start + disk->grain > stop)
        return at;
    at = round_at(disk, at, disk->grain / 2);
    return at < start ? start : at > stop ? stop : at;
}
