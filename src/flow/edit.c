// SPDX-License-Identifier: GPL-3.0-or-later
/* edit.c: one command's change of a partition table. */
#include "core/shell.h"
#include "core/size.h"
#include "flow/edit_parts.h"
#include "partition/attribute.h"
#include "partition/mbr.h"
#include "partition/type.h"

#include <string.h>

int edit_start(struct edit *edit, struct err *e)
{
    for (size_t i = 0; i < sizeof(edit->fresh) / sizeof(edit->fresh[0]); i++)
        if (guid_new(&edit->fresh[i], e) < 0)
            return -1;
    return 0;
}

/* ---- rm, resize, move ---- */

/* The number of a logical partition that the chain leads to, and that is none: 0, or it. */
static unsigned lost_number(const struct edit *edit, const struct table *there)
{
    unsigned number = number_parse(edit->part);

    for (size_t i = 0; number != 0 && i < there->n_damage; i++) {
        const struct damage *damage = &there->damage[i];

        if (damage->number == number && damage_is_of_chain(damage->kind))
            return damage->number;
    }
    return 0;
}

int edit_rm(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
            struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;
    (void)bd;

    if (edit_is_extended(edit, there)) {
        wanted->table = table_copy(there, e);
        return wanted->table == NULL ? -1 : edit_rm_extended(edit, wanted, e);
    }
    if (lost_number(edit, there) != 0) {
        wanted->table = table_copy(there, e);
        if (wanted->table != NULL)
            table_remove(wanted->table, lost_number(edit, there));
        return wanted->table == NULL ? -1 : 0;
    }
    if (edit_copy_with(edit, there, wanted, &entry, e) < 0)
        return -1;
    table_remove(wanted->table, entry->number);
    return 0;
}

int edit_resize(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;

    if (edit_is_extended(edit, there)) {
        wanted->table = table_copy(there, e);
        return wanted->table == NULL ? -1 : edit_resize_extended(edit, bd, wanted, e);
    }
    if (edit_copy_with(edit, there, wanted, &entry, e) < 0)
        return -1;
    wanted->sized = entry->number;
    return edit_new_size(edit, bd, there, entry, e);
}

int edit_move(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;
    struct edit_place place;
    uint64_t start;

    if (edit_is_extended(edit, there))
        return edit_refuse_extended(edit, there, "stays where it begins", e);
    if (edit_copy_with(edit, there, wanted, &entry, e) < 0 ||
        edit_parse_relative(edit->start, "--start", entry->range.start, bd->bytes, bd, &start, e) <
            0)
        return -1;
    if (start % bd->sector != 0)
        return err_set(e, ERR_USAGE, "--start %s is not a multiple of the %u-byte sectors",
                       edit->start, bd->sector);
    if (edit_check_reach(there, bd, "--start", edit->start, start + entry->range.bytes, e) < 0)
        return -1;
    place = (struct edit_place){entry->number,
                                edit_is_logical(there, entry->number),
                                {start, entry->range.bytes},
                                "--start",
                                edit->start};
    if (edit_check_place(there, bd, &place, e) < 0)
        return -1;
    entry->range.start = start;
    entry->ebr = 0;
    return 0;
}

/* ---- set ---- */

static int set_uuid(const struct edit *edit, const struct blockdev *bd, const struct table *there,
                    struct table_entry *entry, struct err *e)
{
    if (strcmp(edit->uuid, "new") == 0 && there->kind == TABLE_GPT)
        entry->uuid = edit->fresh[0];
    else if (edit_parse_uuid(edit->uuid, there, entry->number, &entry->uuid, e) < 0)
        return there->kind == TABLE_MBR ? -1
                                        : err_hint(e, "berth part set %s %u --uuid new makes one",
                                                   shell_quote(bd->name).text, entry->number);
    return 0;
}

static int set_type(const struct edit *edit, enum table_kind kind, struct table_entry *entry,
                    struct err *e)
{
    if (edit_set_type(edit->type, kind, entry, e) < 0)
        return -1;
    if (kind != TABLE_MBR || !mbr_is_extended(entry->code))
        return 0;
    err_set(e, ERR_USAGE, "--type %s: partition %u cannot become an extended one", edit->type,
            entry->number);
    return err_hint(e, "delete it, then: berth part add DISK --type extended");
}

static int check_set(const struct edit *edit, struct err *e)
{
    if (edit->active && edit->inactive)
        return err_set(e, ERR_USAGE, "--active and --inactive: which of them?");
    if (edit->name != NULL || edit->type != NULL || edit->uuid != NULL ||
        edit->attributes != NULL || edit->active || edit->inactive)
        return 0;
    err_set(e, ERR_USAGE, "nothing is said that partition %s shall get", edit->part);
    return err_hint(e, "--name, --type, --uuid, --attributes, --active or --inactive");
}

int edit_set(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
             struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;

    if (check_set(edit, e) < 0)
        return -1;
    if (edit_is_extended(edit, there)) {
        wanted->table = table_copy(there, e);
        return wanted->table == NULL ? -1 : edit_set_extended(edit, wanted, e);
    }
    if (edit_copy_with(edit, there, wanted, &entry, e) < 0)
        return -1;
    if (edit_check_name(there, edit->name, entry->number, e) < 0 ||
        (edit->name != NULL && edit_set_name(edit->name, there->kind, entry, e) < 0) ||
        (edit->type != NULL && set_type(edit, there->kind, entry, e) < 0) ||
        (edit->uuid != NULL && set_uuid(edit, bd, there, entry, e) < 0))
        return -1;
    if (edit->attributes != NULL) {
        if (there->kind == TABLE_MBR)
            return err_set(e, ERR_UNSUPPORTED,
                           "--attributes %s: an MBR has none but the active flag",
                           edit->attributes);
        if (attributes_parse(edit->attributes, &entry->attributes, e) < 0)
            return -1;
    }
    if (edit->active)
        edit_set_active(wanted->table, entry);
    if (edit->inactive)
        entry->attributes &= ~TABLE_ACTIVE;
    return 0;
}

/* ---- contents, tables ---- */

int edit_format(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;
    (void)bd;

    if (edit_is_extended(edit, there))
        return edit_refuse_extended(edit, there, "has no filesystem", e);
    if (edit_copy_with(edit, there, wanted, &entry, e) < 0)
        return -1;
    if ((edit->type != NULL || partition_type_is(&entry->type, "incomplete")) &&
        edit_set_type(edit_type_for(edit, there->kind), there->kind, entry, e) < 0)
        return -1;
    return edit_add_format(wanted, entry->number, edit, e);
}

int edit_wipe(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e)
{
    struct table_entry *entry;
    (void)bd;

    if (edit_is_extended(arg, there))
        return edit_refuse_extended(arg, there, "is not wiped", e);
    return edit_copy_with(arg, there, wanted, &entry, e);
}

int edit_none(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e)
{
    (void)arg;
    (void)bd;
    if (edit_need_table(there, e) < 0)
        return -1;
    wanted->table = table_copy(there, e);
    return wanted->table == NULL ? -1 : 0;
}

int edit_table(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
               struct err *e)
{
    const struct edit *edit = arg;
    enum table_kind kind = strcmp(edit->kind, "gpt") == 0 ? TABLE_GPT : TABLE_MBR;

    if (kind == TABLE_MBR && strcmp(edit->kind, "mbr") != 0 && strcmp(edit->kind, "dos") != 0) {
        err_set(e, ERR_USAGE, "KIND: there is no kind of table \"%s\"", edit->kind);
        return err_hint(e, "it can be gpt or mbr");
    }
    if (edit->convert && there->kind == kind)
        return edit_none(arg, bd, there, wanted, e);
    if (edit->convert && table_has_damage(there, DAMAGE_EBR_LOST)) /* they would be left out */
        return change_refuse_damage(there->damage, there->n_damage, bd->name, e);
    wanted->table =
        edit->convert ? table_convert(there, kind, bd, e) : table_new(bd, kind, &edit->fresh[0], e);
    return wanted->table == NULL ? -1 : 0;
}
