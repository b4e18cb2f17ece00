// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_sfdisk.c: any text as an sfdisk script. What it wants must print to a script that wants the
 * same.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/wanted.h"

#include <string.h>

#define DISK (64 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    unsigned sector = size % 2 == 0 ? 512 : 4096;
    _cleanup_free_ char *text = strndup((const char *)data, size), *printed = NULL;
    _cleanup_blockdev_ struct blockdev *bd = mem_open(DISK, sector, &e);
    _cleanup_wanted_ struct wanted wanted = {0}, again = {0};
    struct table none = {.kind = TABLE_NONE};

    if (text == NULL || bd == NULL)
        abort();
    if (sfdisk_read(text, "fuzz", bd, &none, &wanted, &e) < 0)
        return 0;
    printed = sfdisk_print(wanted.table, bd, "disk", &e);
    if (printed == NULL || sfdisk_read(printed, "again", bd, &none, &again, &e) < 0 ||
        !table_equal(wanted.table, again.table))
        abort();
    return 0;
}
