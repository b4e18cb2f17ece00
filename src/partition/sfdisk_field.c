// SPDX-License-Identifier: GPL-3.0-or-later
/* sfdisk_field.c: what a line of an sfdisk script says beside the place: type, GUID, name,
 * attributes. */
#include "core/cleanup.h"
#include "partition/sfdisk.h"
#include "partition/type.h"

#include <ctype.h>
#include <string.h>

/* sfdisk(8)'s shortcuts and aliases. A script takes them before anything else, so that "E" is an
 * extended partition and no hexadecimal code. NULL: tables of that kind have no such type. */
static const struct {
    const char *shortcut, *alias, *mbr, *gpt;
} shortcuts[] = {
    {"L", "linux", "83", "0fc63daf-8483-4772-8e79-3d69d8477de4"},
    {"S", "swap", "82", "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"},
    {"Ex", "extended", "05", NULL},
    {"E", "extended", "05", NULL},
    {"X", "linuxex", "85", NULL},
    {"H", "home", NULL, "933ac7e1-2eb4-4f13-b844-0e14e2aef915"},
    {"U", "uefi", "ef", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"},
    {"R", "raid", "fd", "a19d880f-05fc-4d3b-a006-743f0f84911e"},
    {"V", "lvm", "8e", "e6d6d379-f507-44c2-a23c-238f2a3df928"},
};

/* Whether both have the same letters and digits; nothing else counts. */
static bool same_words(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a != '\0' && !isalnum((unsigned char)*a))
            a++;
        while (*b != '\0' && !isalnum((unsigned char)*b))
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (*a == '\0')
            return true;
    }
}

/* By the long name ("Linux filesystem"). */
static bool by_long_name(const char *text, enum table_kind kind, struct table_entry *entry)
{
    for (size_t i = 0; partition_type_at(i) != NULL; i++) {
        const struct partition_type *type = partition_type_at(i);

        if (!same_words(type->long_name, text) ||
            (kind == TABLE_GPT ? guid_is_zero(&type->guid) : type->code == 0))
            continue;
        entry->type = type->guid;
        entry->code = kind == TABLE_MBR ? type->code : 0;
        return true;
    }
    return false;
}

static int fill_type(const struct sfdisk_work *work, const struct sfdisk_line *line,
                     struct table_entry *entry, struct err *e)
{
    const char *text = line->type != NULL ? line->type : "linux";
    enum table_kind kind = work->table->kind;

    for (size_t i = 0; i < sizeof(shortcuts) / sizeof(shortcuts[0]); i++) {
        const char *meant = kind == TABLE_MBR ? shortcuts[i].mbr : shortcuts[i].gpt;

        if (meant == NULL ||
            (strcmp(shortcuts[i].shortcut, text) != 0 && strcmp(shortcuts[i].alias, text) != 0))
            continue;
        text = meant;
        break;
    }
    if (by_long_name(text, kind, entry))
        return 0;
    return partition_type_parse(text, kind, &entry->type, &entry->code, e) < 0 ? err_wrap(e, "type")
                                                                               : 0;
}

int sfdisk_field_code(const struct sfdisk_work *work, const struct sfdisk_line *line,
                      struct table_entry *entry, struct err *e)
{
    if (line->name != NULL || line->attrs != NULL)
        return err_set(e, ERR_UNSUPPORTED, "a partition of an MBR has no %s",
                       line->name != NULL ? "name" : "attributes");
    if (line->uuid != NULL) {
        char text[GUID_TEXT];
        struct guid uuid = table_mbr_uuid(work->table, entry->number);

        table_uuid_print(TABLE_MBR, &uuid, text);
        if (strcasecmp(line->uuid, text) != 0)
            return err_set(e, ERR_UNSUPPORTED,
                           "uuid: found %s; on an MBR it follows from the disk's id: %s",
                           line->uuid, text);
    }
    return fill_type(work, line, entry, e);
}

/* ---- GPT ---- */

/* What the disk has at that number, if the line means that partition: it gives the number, or the
 * partition starts where that one does. */
static const struct table_entry *same_partition(const struct sfdisk_work *work,
                                                const struct sfdisk_line *line,
                                                const struct table_entry *entry)
{
    const struct table *there = work->there;

    for (size_t i = 0; there->kind == TABLE_GPT && i < there->n; i++)
        if (there->entries[i].number == entry->number &&
            (line->number != 0 || there->entries[i].range.start == entry->range.start))
            return &there->entries[i];
    return NULL;
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Undoes "\x22". */
static void unescape(char *text)
{
    char *to = text;

    for (const char *p = text; *p != '\0';) {
        if (p[0] == '\\' && p[1] == 'x' && isxdigit((unsigned char)p[2]) &&
            isxdigit((unsigned char)p[3])) {
            *to++ = (char)(hex_value(p[2]) << 4 | hex_value(p[3]));
            p += 4;
        } else {
            *to++ = *p++;
        }
    }
    *to = '\0';
}

static int fill_name(const char *text, struct table_entry *entry, struct err *e)
{
    _cleanup_free_ char *name = strdup(text);

    if (name == NULL)
        return err_no_memory(e);
    unescape(name);
    return wanted_set_name(entry, name, e);
}

static int attribute_bit(const char *word, unsigned *bit, struct err *e)
{
    static const char *const names[] = {"RequiredPartition", "NoBlockIOProtocol",
                                        "LegacyBIOSBootable"};
    const char *digits = strncmp(word, "GUID:", 5) == 0 ? word + 5 : word;
    unsigned long number;
    char *end;

    for (*bit = 0; *bit < 3; (*bit)++)
        if (strcmp(word, names[*bit]) == 0)
            return 0;
    if (strcmp(word, "RequiredPartiton") == 0) { /* as sfdisk once wrote it */
        *bit = 0;
        return 0;
    }
    number = strtoul(digits, &end, 0);
    *bit = (unsigned)number;
    if (isdigit((unsigned char)*digits) && *end == '\0' && number >= 48 && number < 64)
        return 0;
    return err_set(e, ERR_SYNTAX,
                   "attrs: found \"%s\", expected RequiredPartition, NoBlockIOProtocol, "
                   "LegacyBIOSBootable or GUID: with bits 48 to 63",
                   word);
}

static int fill_attributes(const char *text, struct table_entry *entry, struct err *e)
{
    _cleanup_free_ char *copy = strdup(text);
    char *rest = NULL;

    if (copy == NULL)
        return err_no_memory(e);
    entry->attributes = 0;
    for (char *word = strtok_r(copy, " \t,", &rest); word != NULL;
         word = strtok_r(NULL, " \t,", &rest)) {
        unsigned bit;

        if (attribute_bit(word, &bit, e) < 0)
            return -1;
        entry->attributes |= UINT64_C(1) << bit;
    }
    return 0;
}

/* A line with a GUID is whole, as `sfdisk --dump` writes it: a name or attributes that it does not
 * give are empty. */
static int fill_uuid(const struct sfdisk_line *line, const struct table_entry *same,
                     struct table_entry *entry, struct err *e)
{
    if (line->uuid != NULL)
        return guid_parse(line->uuid, &entry->uuid, e) < 0 ? err_wrap(e, "uuid") : 0;
    if (same == NULL)
        return guid_new(&entry->uuid, e);
    entry->uuid = same->uuid;
    entry->attributes = same->attributes;
    memcpy(entry->name, same->name, sizeof(entry->name));
    return 0;
}

int sfdisk_field_fill(const struct sfdisk_work *work, const struct sfdisk_line *line,
                      struct table_entry *entry, struct err *e)
{
    if (fill_type(work, line, entry, e) < 0 ||
        fill_uuid(line, same_partition(work, line, entry), entry, e) < 0)
        return -1;
    if (line->name != NULL && fill_name(line->name, entry, e) < 0)
        return -1;
    return line->attrs != NULL ? fill_attributes(line->attrs, entry, e) : 0;
}
