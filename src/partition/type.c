// SPDX-License-Identifier: GPL-3.0-or-later
/* type.c: looks partition types up. */
#include "partition/type.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NO_AUTO PARTITION_NO_AUTO

#define ALIAS(alias, name)
static const struct {
    const char *name, *guid, *long_name;
    uint8_t code;
    uint64_t attributes;
} rows[] = {
#define TYPE(name, guid, code, attributes, long_name) {name, guid, long_name, code, attributes},
#include "partition/type.def"
#undef TYPE
};
#undef ALIAS

#define TYPE(name, guid, code, attributes, long_name)
static const struct {
    const char *alias, *name;
} aliases[] = {
#define ALIAS(alias, name) {alias, name},
#include "partition/type.def"
#undef ALIAS
};
#undef TYPE

static const struct {
    uint8_t code;
    const char *name;
} codes[] = {
#define CODE(code, name) {code, name},
#include "partition/code.def"
#undef CODE
};

#define N_TYPES   (sizeof(rows) / sizeof(rows[0]))
#define N_ALIASES (sizeof(aliases) / sizeof(aliases[0]))

/* The table with its GUIDs parsed, once. */
static const struct partition_type *types(void)
{
    static struct partition_type parsed[N_TYPES];
    struct err never;

    for (size_t i = 0; parsed[N_TYPES - 1].name == NULL && i < N_TYPES; i++) {
        if (rows[i].guid[0] != '\0')
            guid_parse(rows[i].guid, &parsed[i].guid, &never);
        parsed[i].code = rows[i].code;
        parsed[i].attributes = rows[i].attributes;
        parsed[i].long_name = rows[i].long_name;
        parsed[i].name = rows[i].name;
    }
    return parsed;
}

const struct partition_type *partition_type_at(size_t i)
{
    return i < N_TYPES ? &types()[i] : NULL;
}

static const struct partition_type *find_name(const char *name)
{
    const struct partition_type *all = types();

    for (size_t i = 0; i < N_TYPES; i++)
        if (strcasecmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

/* sfdisk's letters are capitals: "E" is an extended partition, "e" the code of a FAT16. */
static bool is_alias(const char *alias, const char *name)
{
    return alias[1] == '\0' ? strcmp(alias, name) == 0 : strcasecmp(alias, name) == 0;
}

const struct partition_type *partition_type(const char *name)
{
    const struct partition_type *type = find_name(name);

    for (size_t i = 0; type == NULL && i < N_ALIASES; i++)
        if (is_alias(aliases[i].alias, name))
            type = find_name(aliases[i].name);
    return type;
}

const struct partition_type *partition_type_of(const struct guid *guid)
{
    const struct partition_type *all = types();

    if (guid_is_zero(guid))
        return NULL;
    for (size_t i = 0; i < N_TYPES; i++)
        if (guid_equal(&all[i].guid, guid))
            return &all[i];
    return NULL;
}

const struct partition_type *partition_type_of_code(uint8_t code)
{
    const struct partition_type *all = types();

    if (code == 0)
        return NULL;
    for (size_t i = 0; i < N_TYPES; i++)
        if (all[i].code == code)
            return &all[i];
    return NULL;
}

const char *partition_type_title(const struct guid *guid, uint8_t code)
{
    const struct partition_type *type =
        code != 0 ? partition_type_of_code(code) : partition_type_of(guid);

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (code != 0 && codes[i].code == code)
            return codes[i].name;
    return type != NULL ? type->long_name : NULL;
}

bool partition_type_is(const struct guid *guid, const char *name)
{
    const struct partition_type *type = partition_type_of(guid);

    return type != NULL && strcmp(type->name, name) == 0;
}

/* 1 to 255 from one or two hexadecimal digits, with or without "0x"; 0: it is none. */
static uint8_t parse_code(const char *text)
{
    const char *digits = strncasecmp(text, "0x", 2) == 0 ? text + 2 : text;
    size_t n = strlen(digits);

    if (n == 0 || n > 2 || !isxdigit((unsigned char)digits[0]) ||
        (n == 2 && !isxdigit((unsigned char)digits[1])))
        return 0;
    return (uint8_t)strtoul(digits, NULL, 16);
}

const struct partition_type *partition_type_for_code(const char *text)
{
    static const uint8_t clear[] = {0x07, 0x0b, 0x0c, 0x82, 0x83, 0x8e, 0xef, 0xfd};
    uint8_t code = parse_code(text);

    return code != 0 && memchr(clear, code, sizeof(clear)) != NULL ? partition_type_of_code(code)
                                                                   : NULL;
}

static int take(const char *text, enum table_kind kind, const struct partition_type *found,
                struct guid *type, uint8_t *code, struct err *e)
{
    *type = found->guid;
    *code = kind == TABLE_MBR ? found->code : 0;
    if (kind == TABLE_MBR && found->code == 0)
        return err_set(e, ERR_USAGE, "the type \"%s\" (%s) has no code on an MBR", text,
                       found->long_name);
    if (kind != TABLE_MBR && guid_is_zero(&found->guid))
        return err_set(e, ERR_USAGE, "the type \"%s\" (%s) is one of an MBR only", text,
                       found->long_name);
    return 0;
}

int partition_type_parse(const char *text, enum table_kind kind, struct guid *type, uint8_t *code,
                         struct err *e)
{
    const struct partition_type *found = partition_type(text);
    struct err ignored;

    *type = (struct guid){0};
    *code = 0;
    if (found == NULL && guid_parse(text, type, &ignored) == 0) {
        found = partition_type_of(type);
        if (found == NULL && kind != TABLE_MBR && !guid_is_zero(type))
            return 0;
    }
    if (found == NULL && kind == TABLE_MBR && parse_code(text) != 0) {
        *code = parse_code(text);
        found = partition_type_of_code(*code);
        *type = found != NULL ? found->guid : *type;
        return 0;
    }
    if (found != NULL)
        return take(text, kind, found, type, code, e);
    err_set(e, ERR_USAGE, "\"%s\" is not a partition type", text);
    return err_hint(e, kind == TABLE_MBR
                           ? "take a name such as linux, swap or esp, a GUID, or a code such as 83"
                           : "take a name such as linux, swap or esp, or a GUID");
}
