// SPDX-License-Identifier: GPL-3.0-or-later
/* edit_value.c: what a person says for each option of an edit: a partition, a size, a type, a name.
 */
#include "core/size.h"
#include "core/utf16.h"
#include "flow/edit_parts.h"
#include "model/machine.h"
#include "partition/layout.h"
#include "partition/mbr.h"
#include "partition/type.h"

#include <ctype.h>
#include <string.h>

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
    found = table_find(there, edit->part, e);
    if (found == NULL)
        return -1;
    wanted->table = table_copy(there, e);
    if (wanted->table == NULL)
        return -1;
    *entry = table_entry_by_number(wanted->table, found->number);
    return 0;
}

int edit_hint_size(struct err *e)
{
    return err_hint(e, "a size is a number and its unit: 512MiB, 20G");
}

/* "10" is ten bytes, which nobody means. */
int edit_check_least(const char *option, const char *text, uint64_t bytes,
                     const struct blockdev *bd, struct err *e)
{
    if (bytes >= bd->sector)
        return 0;
    err_set(e, ERR_USAGE, "%s %s: %llu byte%s less than one sector, which has %u", option, text,
            (unsigned long long)bytes, bytes == 1 ? " is" : "s are", bd->sector);
    return bytes > 0 && isdigit((unsigned char)text[strlen(text) - 1])
               ? err_hint(e, "%sM is so many mebibytes", text)
               : edit_hint_size(e);
}

/* 1: "+0M", which leaves it as it is. */
static int parse_amount(const char *text, const char *option, const struct blockdev *bd,
                        uint64_t *value, struct err *e)
{
    bool relative = *text == '+' || *text == '-';

    if (size_parse_amount(relative ? text + 1 : text, value, e) < 0) {
        err_wrap(e, "%s %s", option, text);
        return edit_hint_size(e);
    }
    if (relative && *value == 0)
        return 1;
    return edit_check_least(option, text, *value, bd, e);
}

int edit_parse_percent(const char *text, const char *option, uint64_t whole, uint64_t *value,
                       struct err *e)
{
    char least[SIZE_TEXT];
    struct size size;

    if (!isdigit((unsigned char)*text) || strchr(text, '%') == NULL)
        return 0;
    if (size_parse(text, &size, e) < 0)
        return err_wrap(e, "%s %s", option, text);
    *value =
        round_down((uint64_t)((unsigned __int128)whole * size.value / 10000), LAYOUT_ALIGNMENT);
    return *value > 0 ? 1
                      : err_set(e, ERR_NO_SPACE, "%s %s of this disk is less than %s", option, text,
                                size_exact(LAYOUT_ALIGNMENT, least, sizeof(least)));
}

int edit_parse_relative(const char *text, const char *option, uint64_t there, uint64_t whole,
                        const struct blockdev *bd, uint64_t *value, struct err *e)
{
    int percent = edit_parse_percent(text, option, whole, value, e), same;
    char now[SIZE_TEXT];

    if (percent != 0)
        return percent < 0 ? -1 : 0;
    same = parse_amount(text, option, bd, value, e);
    if (same < 0)
        return -1;
    if (same > 0)
        *value = there;
    else if (*text == '+' && __builtin_add_overflow(there, *value, value))
        return err_set(e, ERR_NO_SPACE, "%s %s is past the end of every disk", option, text);
    else if (*text == '-' && *value >= there)
        return err_set(e, ERR_NO_SPACE, "%s %s leaves nothing of %s", option, text,
                       size_exact(there, now, sizeof(now)));
    else if (*text == '-')
        *value = there - *value;
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
    const struct partition_type *found =
        kind == TABLE_GPT && partition_type(text) == NULL ? partition_type_for_code(text) : NULL;

    if (partition_type_parse(found != NULL ? found->name : text, kind, &entry->type, &entry->code,
                             e) < 0)
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
