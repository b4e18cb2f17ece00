// SPDX-License-Identifier: GPL-3.0-or-later
/* machine_key.c: the table of keys, and looking things up in it. Pure. */
#include "model/machine_key.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_MACHINE   struct machine
#define TYPE_DISK      struct machine_disk
#define TYPE_PARTITION struct machine_partition
#define TYPE_SYSTEM    struct machine_system
#define TYPE_ROOT      struct machine_partition
#define TYPE_USER      struct machine_user
#define TYPE_FILE      struct machine_file
#define TYPE_RUN       struct machine_run
#define TYPE_MENU      struct machine_menu

const struct machine_section machine_sections[SECTION_COUNT] = {
    [SECTION_MACHINE] = {"a mapping that begins with \"berth: 1\"", sizeof(TYPE_MACHINE), NOWHERE,
                         false},
    [SECTION_DISK] = {"a mapping with the disk's keys", sizeof(TYPE_DISK), offsetof(TYPE_DISK, at),
                      false},
    [SECTION_PARTITION] = {"a mapping such as {name: shared, type: linux, size: 1GiB}",
                           sizeof(TYPE_PARTITION), offsetof(TYPE_PARTITION, at), true},
    [SECTION_SYSTEM] = {"a mapping with a system's keys", sizeof(TYPE_SYSTEM),
                        offsetof(TYPE_SYSTEM, at), false},
    [SECTION_ROOT] = {"a mapping such as {size: 4GiB, fs: ext4}", sizeof(TYPE_ROOT),
                      offsetof(TYPE_ROOT, at), true},
    [SECTION_USER] = {"a mapping with a user's keys", sizeof(TYPE_USER), offsetof(TYPE_USER, at),
                      false},
    [SECTION_FILE] = {"a mapping such as {from: motd.txt, to: /etc/motd}", sizeof(TYPE_FILE),
                      offsetof(TYPE_FILE, at), true},
    [SECTION_RUN] = {"a mapping such as {memory: 1GiB, cpus: 2}", sizeof(TYPE_RUN), NOWHERE, true},
    [SECTION_MENU] = {"a mapping with the menu's keys", sizeof(TYPE_MENU), NOWHERE, false},
};

#define REQUIRED true
#define OPTIONAL false

#define HEAD(id, key, need, key_class)                                                             \
    .section = SECTION_##id, .name = (key), .required = (need), .class = KEY_##key_class

#define FIXED(id, key, need, key_class, form)                                                      \
    {HEAD(id, key, need, key_class), .shape = SHAPE_VALUE, .value = &value_##form,                 \
     .present = NOWHERE, .at = NOWHERE},
#define SCALARS(id, key, need, key_class, kind, form, field, place)                                \
    {HEAD(id, key, need, key_class),       .shape = (kind),    .value = &value_##form,             \
     .member = offsetof(TYPE_##id, field), .present = NOWHERE, .at = (place)},
#define VALUE(id, key, need, key_class, form, field)                                               \
    SCALARS(id, key, need, key_class, SHAPE_VALUE, form, field, NOWHERE)
#define PLACED(id, key, need, key_class, form, field, place)                                       \
    SCALARS(id, key, need, key_class, SHAPE_VALUE, form, field, offsetof(TYPE_##id, place))
#define LIST(id, key, need, key_class, form, field)                                                \
    SCALARS(id, key, need, key_class, SHAPE_LIST, form, field, NOWHERE)
#define PLACED_LIST(id, key, need, key_class, form, field, place)                                  \
    SCALARS(id, key, need, key_class, SHAPE_LIST, form, field, offsetof(TYPE_##id, place))
#define MOUNTS(id, key, need, key_class, form, field)                                              \
    SCALARS(id, key, need, key_class, SHAPE_MOUNTS, form, field, NOWHERE)
#define CONSOLES(id, key, need, key_class, form)                                                   \
    {HEAD(id, key, need, key_class), .shape = SHAPE_CONSOLES, .value = &value_##form,              \
     .present = NOWHERE, .at = NOWHERE},
#define PART(id, key, need, key_class, inner, field)                                               \
    {HEAD(id, key, need, key_class),       .shape = SHAPE_PART, .content = SECTION_##inner,        \
     .member = offsetof(TYPE_##id, field), .present = NOWHERE,  .at = NOWHERE},
#define PART_IF(id, key, need, key_class, inner, field, flag)                                      \
    {HEAD(id, key, need, key_class),       .shape = SHAPE_PART,                                    \
     .content = SECTION_##inner,           .member = offsetof(TYPE_##id, field),                   \
     .present = offsetof(TYPE_##id, flag), .at = NOWHERE},
#define ELEMENTS(id, key, need, key_class, kind, inner, field, number)                             \
    {HEAD(id, key, need, key_class),                                                               \
     .shape = (kind),                                                                              \
     .content = SECTION_##inner,                                                                   \
     .member = offsetof(TYPE_##id, field),                                                         \
     .count = offsetof(TYPE_##id, number),                                                         \
     .present = NOWHERE,                                                                           \
     .at = NOWHERE},
#define PARTS(id, key, need, key_class, inner, field, number)                                      \
    ELEMENTS(id, key, need, key_class, SHAPE_PARTS, inner, field, number)
#define HOST(id, key, need, key_class, inner, field, number)                                       \
    ELEMENTS(id, key, need, key_class, SHAPE_HOST, inner, field, number)
#define LATER(id, key, key_class)                                                                  \
    {HEAD(id, key, OPTIONAL, key_class), .shape = SHAPE_LATER, .present = NOWHERE, .at = NOWHERE},

static const struct machine_key keys[] = {
#include "model/machine_key.def"
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

const struct machine_key *machine_key_next(enum machine_section_id section,
                                           const struct machine_key *key)
{
    for (key = key == NULL ? keys : key + 1; key < keys + KEYS; key++)
        if (key->section == section)
            return key;
    return NULL;
}

/* The key of the section whose name is the n characters at name. */
static const struct machine_key *find(enum machine_section_id section, const char *name, size_t n)
{
    const struct machine_key *key = NULL;

    while ((key = machine_key_next(section, key)) != NULL)
        if (strncmp(key->name, name, n) == 0 && key->name[n] == '\0')
            return key;
    return NULL;
}

const struct machine_key *machine_key_find(enum machine_section_id section, const char *name)
{
    return find(section, name, strlen(name));
}

enum key_class machine_key_class(const char *path)
{
    enum machine_section_id section = SECTION_MACHINE;
    const struct machine_key *key = NULL;

    for (;;) {
        size_t n = strcspn(path, ".");

        key = find(section, path, n);
        if (key == NULL)
            return KEY_REFUSE;
        if (path[n] == '\0')
            return key->class;
        if (key->shape == SHAPE_MOUNTS) /* what is below it has no rows */
            return key->class;
        if (key->shape != SHAPE_PART && key->shape != SHAPE_PARTS && key->shape != SHAPE_HOST)
            return KEY_REFUSE;
        section = key->content;
        path += n + 1;
    }
}

#define NEAR_MAX 32 /* longer words are near to no key */

/* Levenshtein's edit distance, one row of the matrix at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAR_MAX + 1], n = strlen(b);

    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

const struct machine_key *machine_key_near(enum machine_section_id section, const char *name)
{
    const struct machine_key *key = NULL, *best = NULL;
    size_t len = strlen(name), least = len < 4 ? 2 : 3; /* more than that is no slip */

    if (len > NEAR_MAX)
        return NULL;
    while ((key = machine_key_next(section, key)) != NULL) {
        size_t far = distance(key->name, name);

        if (far < least) {
            least = far;
            best = key;
        }
    }
    return best;
}

void *machine_key_elements(const struct machine_key *key, const void *base, size_t *n)
{
    size_t bytes = machine_sections[key->content].bytes, skip = 0;
    char *array;

    memcpy(&array, (const char *)base + key->member, sizeof(array));
    memcpy(n, (const char *)base + key->count, sizeof(*n));
    if (key->section == SECTION_MACHINE && key->content == SECTION_SYSTEM) {
        const struct machine *machine = base;
        size_t hosts = *n > 0 && machine->systems[0].host ? 1 : 0;

        skip = key->shape == SHAPE_HOST ? 0 : hosts;
        *n = key->shape == SHAPE_HOST ? hosts : *n - hosts;
    }
    return array == NULL ? NULL : array + skip * bytes;
}
