// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_journal.c: any bytes as a filesystem whose journal may wait. Looking at it never fails, and
 * never leaves the device.
 *
 * The first 512 bytes are how the device begins; the rest is at 4096, where a small XFS has its
 * log.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "os/journal.h"

#include <stdlib.h>

#define START  512
#define REST   4096
#define DEVICE (128 * KIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t start = size < START ? size : START, rest = size - start;
    _cleanup_blockdev_ struct blockdev *bd = NULL;
    struct err e;
    bool needs;

    if (rest > DEVICE - REST)
        return 0;
    bd = mem_open(DEVICE, 512, &e);
    if (bd == NULL || blockdev_pwrite(bd, data, start, 0, &e) < 0 ||
        blockdev_pwrite(bd, data + start, rest, REST, &e) < 0 ||
        journal_needs_recovery(bd, &needs, &e) < 0)
        abort();
    return 0;
}
