// SPDX-License-Identifier: GPL-3.0-or-later
/* edit.c: one command's change of a partition table. */
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "core/utf16.h"
#include "flow/edit_parts.h"
#include "model/machine.h"
#include "partition/attribute.h"
#include "partition/layout.h"
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

int edit_need_table(const struct table *there, struct err *e)
{
    if (there->kind != TABLE_NONE)
        return 0;
    err_set(e, ERR_NOT_FOUND, "there is no partition table");
    if (there->n_damage > 0)
        return err_hint(e, "there was one: `berth disk restore` puts back what `disk backup` kept; "
                           "`berth part table` makes a new, empty one over it");
    return err_hint(e, "berth part table DISK gpt makes one");
}

int edit_copy_with(const struct edit *edit, const struct table *there, struct wanted *wanted,
                   struct table_entry **entry, struct err *e)
{
    const struct table_entry *found;

    if (edit_need_table(there, e) < 0)
        return -1;
    found = change_find(there, edit->part, e);
    if (found == NULL)
        return -1;
    wanted->table = table_copy(there, e);
    if (wanted->table == NULL)
        return -1;
    *entry = table_entry_by_number(wanted->table, found->number);
    return 0;
}

int edit_parse_align(const struct edit *edit, const struct blockdev *bd, uint64_t *align,
                     struct err *e)
{
    *align = LAYOUT_ALIGNMENT;
    if (edit->align == NULL)
        return 0;
    if (size_parse_bytes(edit->align, align, e) < 0) {
        err_wrap(e, "--align");
        return edit_hint_size(e);
    }
    if (*align > bd->bytes)
        return err_set(e, ERR_USAGE, "--align %s is larger than the disk", edit->align);
    if (*align % bd->sector == 0)
        return 0;
    err_set(e, ERR_USAGE, "--align %s is not a multiple of the %u-byte sectors", edit->align,
            bd->sector);
    return edit_hint_size(e);
}

int edit_set_type(const char *text, enum table_kind kind, struct table_entry *entry, struct err *e)
{
    if (partition_type_parse(text, kind, &entry->type, &entry->code, e) < 0)
        return err_wrap(e, "--type");
    if (kind != TABLE_MBR || entry->code != MBR_PROTECTIVE)
        return 0;
    return err_set(e, ERR_USAGE, "--type %s: that is what a GPT's protective MBR has", text);
}

int edit_set_name(const char *name, enum table_kind kind, struct table_entry *entry, struct err *e)
{
    uint16_t units[TABLE_NAME_MAX];
    int length;

    if (kind == TABLE_MBR)
        return err_set(e, ERR_UNSUPPORTED, "--name %s: partitions of an MBR have no names", name);
    if (!text_is_line(name))
        return err_set(e, ERR_USAGE,
                       "--name \"%s\": a name is one line of text, without control characters",
                       name);
    if (*name != '\0' && strspn(name, "0123456789") == strlen(name))
        return err_set(e, ERR_USAGE, "--name %s: a number is never a name", name);
    length = utf16_from_utf8(name, units, TABLE_NAME_MAX);
    if (length < 0)
        return err_set(e, ERR_USAGE, "--name %s: a name is UTF-8", name);
    if (strlen(name) >= sizeof(entry->name) || length > TABLE_NAME_MAX)
        return err_set(e, ERR_USAGE,
                       "--name %s takes %d UTF-16 units, more than the %d that a GPT has room for",
                       name, length, TABLE_NAME_MAX);
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    return 0;
}

static int hint_filesystems(struct err *e)
{
    char list[200] = "";
    size_t fill = 0;

    for (size_t i = 0; fs_at(i) != NULL && fill < sizeof(list); i++)
        fill += (size_t)snprintf(list + fill, sizeof(list) - fill, "%s%s", i > 0 ? ", " : "",
                                 fs_at(i)->name);
    return err_hint(e, "it can be %s", list);
}

/* What every kind of filesystem wants of a label; how long it may be each has to say. */
static int check_label(const char *label, struct err *e)
{
    uint16_t units[1];

    if (!text_is_line(label) || utf16_from_utf8(label, units, 1) < 0)
        return err_set(e, ERR_USAGE,
                       "--label \"%s\": a label is one line of UTF-8, without control characters",
                       label);
    if (strlen(label) >= sizeof(((struct wanted_format *)NULL)->label))
        return err_set(e, ERR_USAGE, "--label %s: longer than the %zu bytes that one can have",
                       label, sizeof(((struct wanted_format *)NULL)->label) - 1);
    return 0;
}

int edit_add_format(struct wanted *wanted, unsigned number, const struct edit *edit, struct err *e)
{
    struct wanted_format *format;

    if (fs_by_name(edit->fs) == NULL) {
        err_set(e, ERR_USAGE, "--fs %s: there is no such filesystem here", edit->fs);
        return hint_filesystems(e);
    }
    if (edit->label != NULL && check_label(edit->label, e) < 0)
        return -1;
    wanted->formats = format = calloc(1, sizeof(*format));
    if (format == NULL)
        return err_no_memory(e);
    wanted->n_formats = 1;
    format->number = number;
    snprintf(format->fs, sizeof(format->fs), "%s", edit->fs);
    snprintf(format->label, sizeof(format->label), "%s", edit->label != NULL ? edit->label : "");
    return 0;
}

const char *edit_type_for(const struct edit *edit, enum table_kind kind)
{
    const struct fs_ops *fs = edit->fs != NULL ? fs_by_name(edit->fs) : NULL;

    if (edit->type != NULL)
        return edit->type;
    if (kind == TABLE_MBR && fs != NULL && strcmp(fs->name, "vfat") == 0)
        return "0c"; /* FAT32 with LBA; Windows looks for NTFS in what it calls basic data */
    return fs != NULL && fs->type != NULL ? fs->type : "linux";
}

/* ---- rm, set ---- */

/* The number of a logical partition that the chain leads to, and that is none: 0, or it. */
static unsigned lost_number(const struct edit *edit, const struct table *there)
{
    char *end;
    unsigned long number = strtoul(edit->part, &end, 10);

    for (size_t i = 0; *edit->part != '\0' && *end == '\0' && i < there->n_damage; i++) {
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

/* One GUID for one partition; what is damage already is a matter of its own. */
static int check_taken(const char *text, const struct table *there, unsigned number,
                       const struct guid *uuid, struct err *e)
{
    for (size_t i = 0; i < there->n; i++) {
        const struct table_entry *other = &there->entries[i];

        if (other->number != number && guid_equal(&other->uuid, uuid))
            return err_set(e, ERR_USAGE, "--uuid %s: %s has the same GUID", text,
                           table_title(other->number, other->name).text);
    }
    return 0;
}

int edit_parse_uuid(const char *text, const struct table *there, unsigned number, struct guid *uuid,
                    struct err *e)
{
    if (there->kind == TABLE_MBR)
        return err_set(e, ERR_UNSUPPORTED, "--uuid %s: partitions of an MBR have no GUIDs", text);
    if (guid_parse(text, uuid, e) < 0)
        return err_wrap(e, "--uuid");
    if (guid_is_zero(uuid))
        return err_set(e, ERR_USAGE, "--uuid %s: the GUID without a bit is nobody's", text);
    return check_taken(text, there, number, uuid, e);
}

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

/* One name for one partition: commands find them by it. */
int edit_check_name(const struct table *there, const char *name, unsigned number, struct err *e)
{
    for (size_t i = 0; name != NULL && *name != '\0' && i < there->n; i++)
        if (there->entries[i].number != number && strcmp(there->entries[i].name, name) == 0)
            return err_set(e, ERR_USAGE, "--name %s: partition %u is called so already", name,
                           there->entries[i].number);
    return 0;
}

/* A BIOS boots one partition of an MBR. */
void edit_set_active(struct table *table, struct table_entry *entry)
{
    for (size_t i = 0; table->kind == TABLE_MBR && i < table->n; i++)
        table->entries[i].attributes &= ~TABLE_ACTIVE;
    entry->attributes |= TABLE_ACTIVE;
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
