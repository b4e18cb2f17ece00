// SPDX-License-Identifier: GPL-3.0-or-later
/* image.c: the image as a value, and as JSON: one table of members serves both directions. */
#include "images/image.h"
#include "core/cleanup.h"

#include <stddef.h>
#include <string.h>

enum member_kind { TEXT, NUMBER, LIST };

static const struct member {
    const char *key;
    enum member_kind kind;
    size_t offset;
    bool required;
    bool is_list_for_checks; /* long, and left out for people */
} members[] = {
    {"name", TEXT, offsetof(struct image, name), true, false},
    {"family", TEXT, offsetof(struct image, family), true, false},
    {"os", TEXT, offsetof(struct image, os), true, false},
    {"version", TEXT, offsetof(struct image, version), false, false},
    {"architecture", TEXT, offsetof(struct image, arch), false, false},
    {"kernel", TEXT, offsetof(struct image, kernel), false, false},
    {"digest", TEXT, offsetof(struct image, digest), true, false},
    {"signature", TEXT, offsetof(struct image, signature), true, false},
    {"bytes", NUMBER, offsetof(struct image, bytes), true, false},
    {"content-bytes", NUMBER, offsetof(struct image, content_bytes), true, false},
    {"inodes", NUMBER, offsetof(struct image, inodes), true, false},
    {"created", NUMBER, offsetof(struct image, created), true, false},
    {"packages", LIST, offsetof(struct image, packages), false, false},
    {"users", LIST, offsetof(struct image, users), false, true},
    {"groups", LIST, offsetof(struct image, groups), false, true},
    {"timezones", LIST, offsetof(struct image, timezones), false, true},
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static void *field(const struct image *image, const struct member *member)
{
    return (char *)(uintptr_t)image + member->offset;
}

void image_free(struct image *image)
{
    for (size_t i = 0; i < N_MEMBERS; i++) {
        if (members[i].kind == TEXT)
            free(*(char **)field(image, &members[i]));
        else if (members[i].kind == LIST)
            strings_clear(field(image, &members[i]));
    }
    free(image->path);
    *image = (struct image){0};
}

/* ---- to JSON ---- */

static json_t *list_to_json(const struct strings *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static json_t *member_to_json(const struct image *image, const struct member *member)
{
    const void *value = field(image, member);

    switch (member->kind) {
    case TEXT:
        return *(char *const *)value != NULL ? json_string(*(char *const *)value) : json_null();
    case NUMBER:
        return json_integer((json_int_t) * (const uint64_t *)value);
    case LIST:
        return list_to_json(value);
    }
    return NULL;
}

json_t *image_to_json(const struct image *image, bool lists, struct err *e)
{
    json_t *json = json_object();

    for (size_t i = 0; json != NULL && i < N_MEMBERS; i++) {
        if (members[i].is_list_for_checks && !lists)
            continue;
        if (json_object_set_new(json, members[i].key, member_to_json(image, &members[i])) < 0) {
            json_decref(json);
            json = NULL;
        }
    }
    if (json == NULL)
        err_no_memory(e);
    return json;
}

/* ---- from JSON ---- */

static int list_from_json(const json_t *array, const char *key, struct strings *list, struct err *e)
{
    size_t i;
    json_t *item;

    if (!json_is_array(array))
        return err_set(e, ERR_SYNTAX, "\"%s\" is not a list", key);
    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item))
            return err_set(e, ERR_SYNTAX, "\"%s\" holds something else than text", key);
        if (strings_add(list, json_string_value(item), json_string_length(item), e) < 0)
            return -1;
    }
    return 0;
}

static int text_from_json(const json_t *value, const struct member *member, char **text,
                          struct err *e)
{
    if (json_is_null(value) && !member->required)
        return 0;
    if (!json_is_string(value))
        return err_set(e, ERR_SYNTAX, "\"%s\" is not text", member->key);
    *text = strdup(json_string_value(value));
    return *text != NULL ? 0 : err_no_memory(e);
}

static int member_from_json(const json_t *json, const struct member *member, struct image *image,
                            struct err *e)
{
    const json_t *value = json_object_get(json, member->key);

    if (value == NULL)
        return member->required ? err_set(e, ERR_SYNTAX, "\"%s\" is missing", member->key) : 0;
    switch (member->kind) {
    case TEXT:
        return text_from_json(value, member, field(image, member), e);
    case NUMBER:
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return err_set(e, ERR_SYNTAX, "\"%s\" is not a number", member->key);
        *(uint64_t *)field(image, member) = (uint64_t)json_integer_value(value);
        return 0;
    case LIST:
        return list_from_json(value, member->key, field(image, member), e);
    }
    return 0;
}

int image_from_json(const json_t *json, struct image *image, struct err *e)
{
    const json_t *level = json_object_get(json, "berth-image");

    *image = (struct image){0};
    if (!json_is_integer(level))
        return err_set(e, ERR_SYNTAX, "\"berth-image\" is missing");
    if (json_integer_value(level) > IMAGE_LEVEL)
        return err_set(e, ERR_UNSUPPORTED, "made by a newer berth (level %lld)",
                       (long long)json_integer_value(level));
    for (size_t i = 0; i < N_MEMBERS; i++) {
        if (member_from_json(json, &members[i], image, e) < 0) {
            image_free(image);
            return -1;
        }
    }
    return 0;
}
