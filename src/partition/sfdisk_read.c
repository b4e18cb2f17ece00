// SPDX-License-Identifier: GPL-3.0-or-later
/* sfdisk_read.c: an sfdisk script as the wanted table: a new one, like sfdisk's own. */
#include "core/cleanup.h"
#include "partition/sfdisk.h"

#include <ctype.h>
#include <string.h>

#define _cleanup_script_ __attribute__((cleanup(sfdisk_script_clear)))

/* "0xc6e1e0d0", the MBR's id in the first four bytes of a GUID. */
static int parse_mbr_id(const char *text, struct guid *id, struct err *e)
{
    char *end;
    unsigned long value = strtoul(text, &end, 16);

    if (!isxdigit((unsigned char)*text) || *end != '\0' || value > UINT32_MAX)
        return err_set(e, ERR_SYNTAX, "label-id: found \"%s\", expected one such as 0xc6e1e0d0",
                       text);
    *id = (struct guid){0};
    for (unsigned i = 0; i < 4; i++)
        id->bytes[i] = (uint8_t)(value >> (8 * i));
    return 0;
}

/* A script without an id keeps the disk's. */
static int disk_id(const struct sfdisk_script *script, enum table_kind kind,
                   const struct table *there, struct guid *id, struct err *e)
{
    if (script->label_id == NULL && there->kind == kind) {
        *id = there->uuid;
        return 0;
    }
    if (script->label_id == NULL) {
        if (guid_new(id, e) < 0)
            return -1;
        if (kind == TABLE_MBR)
            memset(id->bytes + 4, 0, sizeof(id->bytes) - 4);
        return 0;
    }
    if (kind == TABLE_MBR)
        return parse_mbr_id(script->label_id, id, e);
    return guid_parse(script->label_id, id, e) < 0 ? err_wrap(e, "label-id") : 0;
}

/* first-lba and last-lba move the usable range, inside of what the table leaves. */
static int apply_range(const struct sfdisk_script *script, struct blockdev *bd, struct table *table,
                       struct err *e)
{
    uint64_t entries = wanted_entry_sectors(bd, table->slots);
    uint64_t least = 2 + entries, most = bd->bytes / bd->sector - 2 - entries;
    uint64_t first = script->first_lba, last = script->last_lba;

    if (first == 0)
        first = table->usable.start / bd->sector;
    if (last == 0)
        last = extent_end(&table->usable) / bd->sector - 1;
    if (first < least || first > most)
        return err_set(e, ERR_NO_SPACE, "first-lba: found %llu, expected %llu to %llu",
                       (unsigned long long)first, (unsigned long long)least,
                       (unsigned long long)most);
    if (last > most || last < first)
        return err_set(e, ERR_NO_SPACE, "last-lba: found %llu, expected %llu to %llu",
                       (unsigned long long)last, (unsigned long long)first,
                       (unsigned long long)most);
    wanted_set_usable(table, bd, first, last);
    return 0;
}

static struct table *new_gpt(const struct sfdisk_script *script, struct blockdev *bd,
                             const struct guid *id, struct err *e)
{
    unsigned slots = script->table_length != 0 ? (unsigned)script->table_length : TABLE_SLOTS;
    _cleanup_table_ struct table *table = wanted_new_gpt(bd, id, slots, e);

    if (table == NULL || apply_range(script, bd, table, e) < 0)
        return NULL;
    return steal(table);
}

static int new_table(struct sfdisk_work *work, struct blockdev *bd, struct err *e)
{
    const struct sfdisk_script *script = work->script;
    enum table_kind kind = script->kind;
    struct guid id;

    if (kind == TABLE_NONE)
        kind = work->there->kind == TABLE_NONE ? TABLE_MBR : work->there->kind;
    if (kind == TABLE_MBR &&
        (script->first_lba != 0 || script->last_lba != 0 || script->table_length != 0))
        return err_set(e, ERR_UNSUPPORTED,
                       "first-lba, last-lba and table-length are for a GPT, the label is dos");
    if (disk_id(script, kind, work->there, &id, e) < 0)
        return -1;
    work->table =
        kind == TABLE_GPT ? new_gpt(script, bd, &id, e) : table_new(bd, TABLE_MBR, &id, e);
    return work->table == NULL ? -1 : 0;
}

/* Dumps of an old sfdisk have such lines for slots that are free. */
static bool is_nothing(const struct sfdisk_line *line)
{
    return line->start.given && line->start.sectors == 0 && line->size.given &&
           line->size.sectors == 0;
}

static int place_lines(struct sfdisk_work *work, struct err *e)
{
    const struct sfdisk_script *script = work->script;

    for (size_t i = 0; i < script->n; i++) {
        const struct sfdisk_line *line = &script->lines[i];
        int rc;

        if (is_nothing(line))
            continue;
        rc = work->table->kind == TABLE_GPT ? sfdisk_gpt_add(work, line, e)
                                            : sfdisk_mbr_add(work, line, e);
        if (rc < 0)
            return sfdisk_at(script, line->line, e);
    }
    return 0;
}

int sfdisk_read(const char *text, const char *name, struct blockdev *bd, const struct table *there,
                struct wanted *wanted, struct err *e)
{
    _cleanup_script_ struct sfdisk_script script = {0};
    struct sfdisk_work work = {.script = &script, .there = there};
    _cleanup_table_ struct table *table = NULL;
    int rc;

    *wanted = (struct wanted){0};
    if (sfdisk_script_parse(text, name, bd->sector, &script, e) < 0)
        return -1;
    sfdisk_disk_of(bd, script.grain, &work.disk);
    rc = new_table(&work, bd, e);
    table = work.table;
    if (rc < 0)
        return err_wrap(e, "%s", name);
    if (place_lines(&work, e) < 0)
        return -1;
    if (table_validate(table, bd, e) < 0)
        return err_wrap(e, "%s", name);
    wanted->table = steal(table);
    return 0;
}
