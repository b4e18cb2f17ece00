// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_record.c: any bytes as a record. What parses must print, and read back to an equal one. */
#include "core/cleanup.h"
#include "model/record.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    _cleanup_record_ struct record *record = record_parse((const char *)data, size, &e);
    _cleanup_record_ struct record *copy = NULL;

    if (record == NULL)
        return 0;
    copy = record_copy(record, &e);
    if (copy == NULL || copy->generation != record->generation || !record_equal(record, copy))
        abort();
    return 0;
}
