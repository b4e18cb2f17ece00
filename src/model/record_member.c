// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * record_member.c: reads and writes the plain members of the record and the history.
 *
 * The ESP, where the record lies, and the disk's free space, where the history does, can be written
 * by every system of the disk, so that both are hostile until their values are checked. The same
 * check guards what is written.
 */
#include "model/record_member.h"
#include "core/cleanup.h"
#include "core/guid.h"
#include "model/machine.h"

#include <string.h>

#define TEXT_MAX 2048 /* the kernel's limit of its command line on amd64 */

void json_cleanup(json_t **json)
{
    json_decref(*json);
}

static bool digest_is_valid(const char *text)
{
    static const char prefix[] = "sha256:";
    const char *hex = text + sizeof(prefix) - 1;

    return strncmp(text, prefix, sizeof(prefix) - 1) == 0 && strlen(hex) == 64 &&
           strspn(hex, "0123456789abcdef") == 64;
}

static bool word_is_valid(const char *text)
{
    return *text != '\0' && text_is_line(text) && strpbrk(text, " /") == NULL;
}

static bool text_is_valid(enum member_kind kind, const char *text)
{
    if (strlen(text) > TEXT_MAX)
        return false;
    if (kind == MEMBER_NAME)
        return name_is_valid(text);
    if (kind == MEMBER_DIGEST)
        return digest_is_valid(text);
    return kind == MEMBER_WORD ? word_is_valid(text) : text_is_line(text);
}

static int wrong(const struct member *member, struct err *e)
{
    static const char *const expected[] = {
        [MEMBER_TEXT] = "one line of text",
        [MEMBER_NAME] = "a name",
        [MEMBER_WORD] = "a word",
        [MEMBER_DIGEST] = "\"sha256:\" and 64 hexadecimal digits",
        [MEMBER_GUID] = "a GUID",
        [MEMBER_BITS] = "\"0x\" and up to 16 hexadecimal digits",
        [MEMBER_FLAG] = "true or false",
        [MEMBER_MARK] = "true or false",
    };

    if (member->max != 0)
        return err_set(e, ERR_SYNTAX, "\"%s\": expected a whole number from %lld to %lld",
                       member->name, (long long)member->min, (long long)member->max);
    return err_set(e, ERR_SYNTAX, "\"%s\": expected %s", member->name, expected[member->kind]);
}

static int read_text(const struct member *member, const json_t *value, char **text, struct err *e)
{
    const char *string = json_string_value(value);

    if (string == NULL || !text_is_valid(member->kind, string))
        return wrong(member, e);
    free(*text); /* a default */
    *text = strdup(string);
    return *text == NULL ? err_no_memory(e) : 0;
}

static int read_guid(const struct member *member, const json_t *value, struct guid *guid,
                     struct err *e)
{
    const char *string = json_string_value(value);

    return string == NULL || guid_parse(string, guid, e) < 0 ? wrong(member, e) : 0;
}

static int read_number(const struct member *member, const json_t *value, void *field, struct err *e)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < member->min || number > member->max)
        return wrong(member, e);
    if (member->kind == MEMBER_BYTES)
        *(uint64_t *)field = (uint64_t)number;
    else if (member->kind == MEMBER_UNSIGNED)
        *(unsigned *)field = (unsigned)number;
    else
        *(int *)field = (int)number;
    return 0;
}

static int read_bits(const struct member *member, const json_t *value, uint64_t *bits,
                     struct err *e)
{
    const char *text = json_string_value(value);

    if (text == NULL || strncmp(text, "0x", 2) != 0 || text[2] == '\0' || strlen(text) > 2 + 16 ||
        strspn(text + 2, "0123456789abcdef") != strlen(text + 2))
        return wrong(member, e);
    *bits = strtoull(text + 2, NULL, 16);
    return 0;
}

static int read_member(const struct member *member, const json_t *value, void *field, struct err *e)
{
    switch (member->kind) {
    case MEMBER_TEXT:
    case MEMBER_NAME:
    case MEMBER_WORD:
    case MEMBER_DIGEST:
        return read_text(member, value, field, e);
    case MEMBER_GUID:
        return read_guid(member, value, field, e);
    case MEMBER_BYTES:
    case MEMBER_UNSIGNED:
    case MEMBER_INT:
        return read_number(member, value, field, e);
    case MEMBER_BITS:
        return read_bits(member, value, field, e);
    case MEMBER_FLAG:
    case MEMBER_MARK:
        if (!json_is_boolean(value))
            return wrong(member, e);
        *(bool *)field = json_is_true(value);
        return 0;
    }
    return 0;
}

int members_read(const struct member *members, size_t n, const json_t *object, void *base,
                 struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(object, members[i].name);

        if (value == NULL && members[i].required)
            return err_set(e, ERR_SYNTAX, "\"%s\" is missing", members[i].name);
        if (value != NULL &&
            read_member(&members[i], value, (char *)base + members[i].offset, e) < 0)
            return -1;
    }
    return 0;
}

int members_unknown(const struct member *members, size_t n, const char *const *lists,
                    json_t *object, json_t **unknown, struct err *e)
{
    _cleanup_json_ json_t *rest = json_copy(object);

    if (rest == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < n; i++)
        json_object_del(rest, members[i].name);
    for (; *lists != NULL; lists++)
        json_object_del(rest, *lists);
    if (json_object_size(rest) > 0)
        *unknown = steal(rest);
    return 0;
}

int member_add(json_t *object, const char *name, json_t *value, struct err *e)
{
    if (json_object_set_new(object, name, value) < 0)
        return err_set(e, ERR_FAILED, "\"%s\": cannot be written as JSON", name);
    return 0;
}

static int write_text(const struct member *member, const char *text, json_t *object, struct err *e)
{
    if (text == NULL)
        return member->required ? err_set(e, ERR_FAILED, "\"%s\" is missing", member->name) : 0;
    if (!text_is_valid(member->kind, text))
        return wrong(member, e);
    return member_add(object, member->name, json_string(text), e);
}

static int write_guid(const struct member *member, const struct guid *guid, json_t *object,
                      struct err *e)
{
    char text[GUID_TEXT];

    if (!member->required && guid_is_zero(guid))
        return 0;
    return member_add(object, member->name, json_string(guid_print(guid, text)), e);
}

static int write_number(const struct member *member, const void *field, json_t *object,
                        struct err *e)
{
    json_int_t number;

    if (member->kind == MEMBER_BYTES)
        number = (json_int_t) * (const uint64_t *)field;
    else if (member->kind == MEMBER_UNSIGNED)
        number = *(const unsigned *)field;
    else
        number = *(const int *)field;
    if (number == 0 && !member->required && member->kind != MEMBER_INT)
        return 0;
    if (number < member->min || number > member->max)
        return wrong(member, e);
    return member_add(object, member->name, json_integer(number), e);
}

static int write_bits(const struct member *member, uint64_t bits, json_t *object, struct err *e)
{
    char text[2 + 16 + 1];

    if (bits == 0)
        return 0;
    snprintf(text, sizeof(text), "0x%llx", (unsigned long long)bits);
    return member_add(object, member->name, json_string(text), e);
}

static int write_member(const struct member *member, const void *field, json_t *object,
                        struct err *e)
{
    switch (member->kind) {
    case MEMBER_TEXT:
    case MEMBER_NAME:
    case MEMBER_WORD:
    case MEMBER_DIGEST:
        return write_text(member, *(char *const *)field, object, e);
    case MEMBER_GUID:
        return write_guid(member, field, object, e);
    case MEMBER_BYTES:
    case MEMBER_UNSIGNED:
    case MEMBER_INT:
        return write_number(member, field, object, e);
    case MEMBER_BITS:
        return write_bits(member, *(const uint64_t *)field, object, e);
    case MEMBER_FLAG:
        return member_add(object, member->name, json_boolean(*(const bool *)field), e);
    case MEMBER_MARK:
        return *(const bool *)field ? member_add(object, member->name, json_true(), e) : 0;
    }
    return 0;
}

int members_write(const struct member *members, size_t n, const void *base, json_t *object,
                  struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (write_member(&members[i], (const char *)base + members[i].offset, object, e) < 0)
            return -1;
    return 0;
}
