// SPDX-License-Identifier: GPL-3.0-or-later
/* edit.c: one command's change of a partition table. */
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/edit_parts.h"
#include "model/machine.h"
#include "partition/attribute.h"
#include "partition/layout.h"
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
    return err_hint(e, "berth part table DISK gpt makes one");
}

/* The copy that is changed, with the partition that is meant. */
static int copy_with(const struct edit *edit, const struct table *there, struct wanted *wanted,
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
    if (size_parse_bytes(edit->align, align, e) < 0)
        return err_wrap(e, "--align");
    if (*align == 0 || *align % bd->sector != 0)
        return err_set(e, ERR_USAGE, "--align %s is not a multiple of the %u-byte sectors",
                       edit->align, bd->sector);
    return 0;
}

int edit_set_type(const char *text, enum table_kind kind, struct table_entry *entry, struct err *e)
{
    if (partition_type_parse(text, kind, &entry->type, &entry->code, e) < 0)
        return err_wrap(e, "--type %s", text);
    return 0;
}

int edit_set_name(const char *name, enum table_kind kind, struct table_entry *entry, struct err *e)
{
    if (kind == TABLE_MBR)
        return err_set(e, ERR_UNSUPPORTED, "--name %s: partitions of an MBR have no names", name);
    if (!text_is_line(name))
        return err_set(e, ERR_USAGE,
                       "--name: a name is one line of text, without control characters");
    if (*name != '\0' && strspn(name, "0123456789") == strlen(name))
        return err_set(e, ERR_USAGE, "--name %s: a number is never a name", name);
    if (strlen(name) >= sizeof(entry->name))
        return err_set(e, ERR_USAGE, "--name %s: longer than the %d characters of a GPT", name,
                       TABLE_NAME_MAX);
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

int edit_add_format(struct wanted *wanted, unsigned number, const struct edit *edit, struct err *e)
{
    struct wanted_format *format;

    if (fs_by_name(edit->fs) == NULL) {
        err_set(e, ERR_USAGE, "--fs %s: there is no such filesystem here", edit->fs);
        return hint_filesystems(e);
    }
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
    if (copy_with(edit, there, wanted, &entry, e) < 0)
        return -1;
    table_remove(wanted->table, entry->number);
    return 0;
}

static int set_uuid(const struct edit *edit, const struct table *there, struct table_entry *entry,
                    struct err *e)
{
    if (there->kind == TABLE_MBR)
        return err_set(e, ERR_UNSUPPORTED, "--uuid: partitions of an MBR have no GUIDs");
    if (strcmp(edit->uuid, "new") == 0)
        entry->uuid = edit->fresh[0];
    else if (guid_parse(edit->uuid, &entry->uuid, e) < 0)
        return err_wrap(e, "--uuid %s", edit->uuid);
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

int edit_set(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
             struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;
    (void)bd;

    if (edit_is_extended(edit, there)) {
        wanted->table = table_copy(there, e);
        return wanted->table == NULL ? -1 : edit_set_extended(edit, wanted, e);
    }
    if (copy_with(edit, there, wanted, &entry, e) < 0)
        return -1;
    if (edit_check_name(there, edit->name, entry->number, e) < 0 ||
        (edit->name != NULL && edit_set_name(edit->name, there->kind, entry, e) < 0) ||
        (edit->type != NULL && edit_set_type(edit->type, there->kind, entry, e) < 0) ||
        (edit->uuid != NULL && set_uuid(edit, there, entry, e) < 0))
        return -1;
    if (edit->attributes != NULL) {
        if (there->kind == TABLE_MBR)
            return err_set(e, ERR_UNSUPPORTED, "--attributes: an MBR has none but the active flag");
        if (attributes_parse(edit->attributes, &entry->attributes, e) < 0)
            return -1;
    }
    if (edit->active)
        edit_set_active(wanted->table, entry);
    if (edit->inactive)
        entry->attributes &= ~TABLE_ACTIVE;
    return 0;
}

/* ---- resize, move ---- */

/* Where the free range behind the entry ends. */
static int room_behind(const struct table *there, const struct table_entry *entry, uint64_t *end,
                       struct err *e)
{
    _cleanup_free_ struct extent *gaps = NULL;
    size_t n;

    *end = extent_end(&entry->range);
    if (table_gaps(there, entry->number > 4 && there->kind == TABLE_MBR, &gaps, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (gaps[i].start <= *end + MIB && extent_end(&gaps[i]) > *end && gaps[i].start >= *end)
            *end = extent_end(&gaps[i]);
    return 0;
}

/* A value with a sign is relative to what is there, a percentage to the usable range. */
static int parse_relative(const char *text, const char *option, uint64_t there, uint64_t usable,
                          uint64_t *value, struct err *e)
{
    const char *amount = *text == '+' || *text == '-' ? text + 1 : text;
    struct size size;

    if (amount == text && strchr(text, '%') != NULL && size_parse(text, &size, e) == 0 &&
        size.kind == SIZE_PERCENT) {
        *value = (uint64_t)((unsigned __int128)usable * size.value / 10000);
        return 0;
    }
    if (size_parse_bytes(amount, value, e) < 0)
        return err_wrap(e, "%s %s", option, text);
    if (*text == '+' && __builtin_add_overflow(there, *value, value))
        return err_set(e, ERR_NO_SPACE, "%s %s is past the end of every disk", option, text);
    if (*text == '-') {
        if (*value >= there)
            return err_set(e, ERR_NO_SPACE, "%s %s leaves nothing", option, text);
        *value = there - *value;
    }
    return 0;
}

static int too_large(const struct table_entry *entry, uint64_t wanted, uint64_t most, struct err *e)
{
    char have[SIZE_TEXT], need[SIZE_TEXT];

    size_exact(wanted, need, sizeof(need));
    size_exact(most < MIB ? most : round_down(most, MIB), have, sizeof(have));
    err_set(e, ERR_NO_SPACE, "partition %u has room for %s, not %s", entry->number, have, need);
    return err_hint(e, "--size rest takes all of it; moving or deleting what follows makes room");
}

/* "10" is ten bytes, which nobody means. */
int edit_check_least(const char *text, uint64_t bytes, const struct blockdev *bd, struct err *e)
{
    if (bytes >= bd->sector)
        return 0;
    err_set(e, ERR_USAGE, "--size %s is %llu bytes, less than one sector", text,
            (unsigned long long)bytes);
    return err_hint(e, "%sM is so many mebibytes", text);
}

int edit_check_reach(const struct table *there, const struct blockdev *bd, const char *option,
                     const char *value, uint64_t end, struct err *e)
{
    uint64_t reach = table_reach(there->kind, bd->sector, bd->bytes);
    char size[SIZE_TEXT];

    if (end <= reach || end > bd->bytes)
        return 0;
    err_set(e, ERR_NO_SPACE,
            "%s %s: an MBR with sectors of %u bytes cannot describe what lies behind the first %s "
            "of a disk",
            option, value, bd->sector, size_exact(reach, size, sizeof(size)));
    return err_hint(e, "`berth part table %s gpt --convert` makes it a GPT, which can",
                    shell_quote(bd->name).text);
}

int edit_new_size(const struct edit *edit, const struct blockdev *bd, const struct table *there,
                  struct table_entry *entry, struct err *e)
{
    uint64_t bytes, end, align;

    if (edit_parse_align(edit, bd, &align, e) < 0 || room_behind(there, entry, &end, e) < 0)
        return -1;
    if (strcmp(edit->size, "rest") == 0) {
        bytes = round_down(end, align) > extent_end(&entry->range)
                    ? round_down(end, align) - entry->range.start
                    : entry->range.bytes;
    } else if (parse_relative(edit->size, "--size", entry->range.bytes, there->usable.bytes, &bytes,
                              e) < 0) {
        return -1;
    } else {
        if (edit_check_least(edit->size, bytes, bd, e) < 0)
            return -1;
        bytes = round_up(bytes, align);
    }
    if (bytes > end - entry->range.start &&
        edit_check_reach(there, bd, "--size", edit->size, entry->range.start + bytes, e) < 0)
        return -1;
    if (bytes > end - entry->range.start)
        return too_large(entry, bytes, end - entry->range.start, e);
    entry->range.bytes = bytes;
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
    return copy_with(edit, there, wanted, &entry, e) < 0 ? -1
                                                         : edit_new_size(edit, bd, there, entry, e);
}

int edit_move(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e)
{
    const struct edit *edit = arg;
    struct table_entry *entry;
    uint64_t start;

    if (edit_is_extended(edit, there))
        return edit_refuse_extended(edit, there, "stays where it begins", e);
    if (copy_with(edit, there, wanted, &entry, e) < 0 ||
        parse_relative(edit->start, "--start", entry->range.start, there->usable.bytes, &start, e) <
            0)
        return -1;
    if (start % bd->sector != 0)
        return err_set(e, ERR_USAGE, "--start %s is not a multiple of the %u-byte sectors",
                       edit->start, bd->sector);
    if (edit_check_reach(there, bd, "--start", edit->start, start + entry->range.bytes, e) < 0)
        return -1;
    entry->range.start = start;
    entry->ebr = 0;
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
    if (copy_with(edit, there, wanted, &entry, e) < 0)
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
    return copy_with(arg, there, wanted, &entry, e);
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

    if (kind == TABLE_MBR && strcmp(edit->kind, "mbr") != 0 && strcmp(edit->kind, "dos") != 0)
        return err_set(e, ERR_USAGE, "there is no kind of table \"%s\": expected gpt or mbr",
                       edit->kind);
    if (edit->convert && there->kind == kind)
        return edit_none(arg, bd, there, wanted, e);
    wanted->table =
        edit->convert ? table_convert(there, kind, bd, e) : table_new(bd, kind, &edit->fresh[0], e);
    return wanted->table == NULL ? -1 : 0;
}
