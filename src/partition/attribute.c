// SPDX-License-Identifier: GPL-3.0-or-later
/* attribute.c: one table of names for both directions: what is printed can be typed. */
#include "partition/attribute.h"
#include "core/cleanup.h"

#include <stdio.h>
#include <string.h>

#define BITS 64

static const struct {
    const char *name, *alias;
    unsigned bit;
} names[] = {
    {"required", NULL, 0},     {"no-block-io", NULL, 1}, {"legacy-boot", "legacy-bios-bootable", 2},
    {"grow-fs", "growfs", 59}, {"read-only", NULL, 60},  {"hidden", NULL, 62},
    {"no-auto", NULL, 63},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

const char *attribute_name_at(size_t i)
{
    return i < NAMES ? names[i].name : NULL;
}

/* Returns 1 for a word that stands for a bit. */
static int bit_of(const char *word, unsigned *bit)
{
    char *end;
    unsigned long number = strtoul(word, &end, 10);

    for (size_t i = 0; i < NAMES; i++) {
        *bit = names[i].bit;
        if (strcmp(word, names[i].name) == 0 ||
            (names[i].alias != NULL && strcmp(word, names[i].alias) == 0))
            return 1;
    }
    *bit = (unsigned)number;
    return *word >= '0' && *word <= '9' && *end == '\0' && number < BITS;
}

int attributes_parse(const char *text, uint64_t *attributes, struct err *e)
{
    _cleanup_free_ char *copy = strdup(text);
    char *rest = copy, *word;
    unsigned bit;

    if (copy == NULL)
        return err_no_memory(e);
    *attributes = 0;
    while ((word = strsep(&rest, ",")) != NULL) {
        if (*text == '\0')
            continue;
        if (!bit_of(word, &bit)) {
            err_set(e, ERR_USAGE, "--attributes %s: there is no attribute \"%s\"", text, word);
            return err_hint(e, "required, no-block-io, legacy-boot, grow-fs, read-only, hidden, "
                               "no-auto, or a bit from 0 to 63");
        }
        *attributes |= UINT64_C(1) << bit;
    }
    return 0;
}

static const char *name_of(unsigned bit)
{
    for (size_t i = 0; i < NAMES; i++)
        if (names[i].bit == bit)
            return names[i].name;
    return NULL;
}

char *attributes_print(uint64_t attributes, char *buf, size_t len)
{
    size_t fill = 0;

    snprintf(buf, len, "none");
    for (unsigned bit = 0; bit < BITS && fill < len; bit++) {
        const char *separator = fill > 0 ? ", " : "", *name = name_of(bit);

        if (!(attributes >> bit & 1))
            continue;
        fill +=
            (size_t)(name != NULL ? snprintf(buf + fill, len - fill, "%s%s", separator, name)
                                  : snprintf(buf + fill, len - fill, "%sbit %u", separator, bit));
    }
    return buf;
}
