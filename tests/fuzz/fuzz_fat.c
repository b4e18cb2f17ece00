// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_fat.c: any bytes as a FAT filesystem whose size is changed. What was changed is a FAT that
 * fills its new size.
 *
 * The first two bytes are the new size in units of 16 KiB, the next two that of the device; the
 * rest is how it begins.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fat_resize.h"
#include "tree/fat_volume.h"

#include <string.h>

#define PREFIX 4
#define UNIT   (16 * KIB)
#define MOST   8192 /* units: 128 MiB */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t bytes_of(const uint8_t *two)
{
    return (uint64_t)((two[0] | two[1] << 8) % MOST) * UNIT;
}

static void check_free(struct blockdev *bd)
{
    struct fs_free found = {0};
    struct err e;

    if (fat_free_blocks(bd, &found, &e) == 0 && found.blocks * found.block > bd->bytes + UNIT)
        abort();
    free(found.bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_blockdev_ struct blockdev *bd = NULL;
    struct fs_bounds bounds;
    struct fat_volume volume;
    struct err e;
    uint64_t to, all;

    if (size < PREFIX)
        return 0;
    to = bytes_of(data);
    all = bytes_of(data + 2) + size;
    bd = mem_open(round_up(to > all ? to : all, UNIT), 512, &e);
    if (bd == NULL || blockdev_pwrite(bd, data + PREFIX, size - PREFIX, 0, &e) < 0)
        abort();
    if (fat_bounds(bd, &bounds, &e) < 0)
        return 0;
    check_free(bd);
    if (fat_resize(bd, to, &e) < 0)
        return 0;
    if (fat_volume_open(&volume, bd, &e) < 0 || fat_bounds(bd, &bounds, &e) < 0 ||
        bounds.now > to || bounds.now + bounds.unit <= to)
        abort();
    check_free(bd);
    return 0;
}
