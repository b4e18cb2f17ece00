// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_history.c: any bytes as a history. What parses must print, and print the same again. */
#include "core/cleanup.h"
#include "model/history.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    _cleanup_history_ struct history *history = history_parse((const char *)data, size, &e);
    _cleanup_history_ struct history *copy = NULL;
    _cleanup_free_ char *first = NULL, *second = NULL;

    if (history == NULL)
        return 0;
    first = history_print(history, &e);
    copy = first == NULL ? NULL : history_parse(first, strlen(first), &e);
    second = copy == NULL ? NULL : history_print(copy, &e);
    if (second == NULL || strcmp(first, second) != 0)
        abort();
    return 0;
}
