// SPDX-License-Identifier: GPL-3.0-or-later
/* wanted.c: what all forms of a wanted table share. */
#include "partition/wanted.h"
#include "core/size.h"
#include "partition/gpt.h"

#include <stdlib.h>
#include <string.h>

void wanted_clear(struct wanted *wanted)
{
    table_free(wanted->table);
    table_free(wanted->returns);
    free(wanted->formats);
    free(wanted->alone);
    blockdev_close(wanted->was);
    strings_clear(&wanted->notes);
    *wanted = (struct wanted){0};
}

int wanted_add_format(struct wanted *wanted, const struct wanted_format *format, struct err *e)
{
    struct wanted_format *grown =
        realloc(wanted->formats, (wanted->n_formats + 1) * sizeof(*wanted->formats));

    if (grown == NULL)
        return err_no_memory(e);
    wanted->formats = grown;
    grown[wanted->n_formats++] = *format;
    return 0;
}

int wanted_add_alone(struct wanted *wanted, struct wanted_alone alone, struct err *e)
{
    struct wanted_alone *grown =
        realloc(wanted->alone, (wanted->n_alone + 1) * sizeof(*wanted->alone));

    if (grown == NULL)
        return err_no_memory(e);
    wanted->alone = grown;
    grown[wanted->n_alone++] = alone;
    return 0;
}

uint64_t wanted_first_lba(const struct blockdev *bd)
{
    uint64_t first = MIB / bd->sector;

    return bd->bytes / bd->sector <= first * 4 ? 1 : first;
}

uint64_t wanted_entry_sectors(const struct blockdev *bd, unsigned slots)
{
    return (slots * (uint64_t)GPT_ENTRY_BYTES + bd->sector - 1) / bd->sector;
}

struct table *wanted_new_gpt(struct blockdev *bd, const struct guid *uuid, unsigned slots,
                             struct err *e)
{
    uint64_t entries = wanted_entry_sectors(bd, slots);
    uint64_t total = bd->bytes / bd->sector, first = 2 + entries, last = total - 2 - entries;
    struct table *table;

    if (total < 4 + 2 * entries || last < first) {
        err_set(e, ERR_NO_SPACE, "%s: its %llu sectors are too few for a GPT of %u entries",
                bd->name, (unsigned long long)total, slots);
        return NULL;
    }
    table = table_new(bd, TABLE_GPT, uuid, e);
    if (table == NULL)
        return NULL;
    if (first < wanted_first_lba(bd) && wanted_first_lba(bd) < last)
        first = wanted_first_lba(bd);
    wanted_set_usable(table, bd, first, last);
    table->slots = slots;
    return table;
}

void wanted_set_usable(struct table *table, const struct blockdev *bd, uint64_t first,
                       uint64_t last)
{
    table->usable.start = first * bd->sector;
    table->usable.bytes = (last + 1 - first) * bd->sector;
    table->last_usable = (last + 1) * bd->sector;
}

/* The code point that text starts with, and how many bytes it has; 0 bytes: it is no UTF-8
 * (RFC 3629 section 4). */
static unsigned code_point(const unsigned char *text, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned bytes = *text < 0x80    ? 1
                     : *text >= 0xf0 ? 4
                     : *text >= 0xe0 ? 3
                     : *text >= 0xc0 ? 2
                                     : 0;

    *point = bytes == 1 ? *text : *text & (0x7fu >> bytes);
    for (unsigned i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (text[i] & 0x3f);
    }
    if (bytes == 0 || *point < least[bytes] || *point > 0x10ffff ||
        (*point >= 0xd800 && *point < 0xe000))
        return 0;
    return bytes;
}

int wanted_set_name(struct table_entry *entry, const char *text, struct err *e)
{
    unsigned units = 0;

    for (const char *p = text; *p != '\0';) {
        uint32_t point;
        unsigned bytes = code_point((const unsigned char *)p, &point);

        if (bytes == 0)
            return err_set(e, ERR_SYNTAX, "the name \"%s\" is not UTF-8", text);
        units += point > 0xffff ? 2 : 1;
        p += bytes;
    }
    if (units > TABLE_NAME_MAX)
        return err_set(e, ERR_NO_SPACE,
                       "the name \"%s\" has %u characters (UTF-16), a GPT has room for %d", text,
                       units, TABLE_NAME_MAX);
    memset(entry->name, 0, sizeof(entry->name));
    memcpy(entry->name, text, strlen(text));
    return 0;
}
