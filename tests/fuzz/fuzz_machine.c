// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_machine.c: any bytes as a machine file. What parses must print to a text that parses, and
 * that prints the same again.
 */
#include "core/cleanup.h"
#include "model/machine.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A new string with the machine's text. */
static char *print(const struct machine *machine)
{
    struct err e;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL || machine_print(machine, out, &e) < 0)
        abort();
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    _cleanup_machine_ struct machine *machine =
        machine_parse((const char *)data, size, "fuzz.yaml", &e);
    _cleanup_machine_ struct machine *again = NULL;
    _cleanup_free_ char *text = NULL, *text_again = NULL;

    if (machine == NULL)
        return 0;
    text = print(machine);
    again = machine_parse(text, strlen(text), "again.yaml", &e);
    if (again == NULL)
        abort();
    text_again = print(again);
    if (strcmp(text, text_again) != 0)
        abort();
    return 0;
}
