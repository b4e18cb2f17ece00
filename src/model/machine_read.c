// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine_read.c: turns the nodes of a machine file into a machine, by the table of keys.
 *
 * A machine that is half read can always be freed: every element is counted before it is filled in.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "model/machine_check.h"
#include "model/machine_key.h"
#include "model/machine_node.h"

#include <string.h>

#define FILE_MAX (1 * MIB)

static int read_section(const struct machine *machine, enum machine_section_id id,
                        const struct node *node, void *base, struct err *e);

static int unexpected(const struct machine *machine, const struct node *node, const char *expected,
                      struct err *e)
{
    return node_unexpected(node, machine->path, false, expected, e);
}

static int expect(const struct machine *machine, const struct node *node, enum node_kind kind,
                  const char *expected, struct err *e)
{
    return node->kind == kind ? 0 : unexpected(machine, node, expected, e);
}

/* Stores the scalar in member: a new string, or what it parses to. */
static int read_scalar(const struct machine *machine, const struct machine_value *value,
                       const struct node *node, void *member, struct err *e)
{
    if (node->kind == NODE_TEXT && machine_value_is_later(value, node->text)) {
        node_error(node, machine->path, ERR_UNSUPPORTED, e,
                   "\"%s\" is not supported yet, expected %s", node->text, value->expected);
        return -1;
    }
    if (node->kind != NODE_TEXT || !machine_value_accepts(value, node->text, member))
        return node_unexpected(node, machine->path, value->secret, value->expected, e);
    if (machine_value_is_text(value)) {
        char **string = member;

        *string = strdup(node->text);
        if (*string == NULL)
            return err_no_memory(e);
    }
    return 0;
}

/* Appends a zeroed element to the array at `member` with its number at `count`. Returns it. */
static void *append(void *member, size_t *count, size_t bytes, struct err *e)
{
    char *array;

    memcpy(&array, member, sizeof(array));
    array = reallocarray(array, *count + 1, bytes);
    if (array == NULL) {
        err_no_memory(e);
        return NULL;
    }
    memcpy(member, &array, sizeof(array));
    return memset(array + bytes * (*count)++, 0, bytes);
}

/* ---- one function for each shape of key; `base` is the struct of the key's section ---- */

typedef int shape_fn(const struct machine *machine, const struct machine_key *key,
                     const struct node *node, void *base, struct err *e);

static int read_value(const struct machine *machine, const struct machine_key *key,
                      const struct node *node, void *base, struct err *e)
{
    return read_scalar(machine, key->value, node, (char *)base + key->member, e);
}

static int read_list(const struct machine *machine, const struct machine_key *key,
                     const struct node *node, void *base, struct err *e)
{
    struct strings *strings = (void *)((char *)base + key->member);

    if (expect(machine, node, NODE_LIST, "a list such as [one, two]", e) < 0)
        return -1;
    for (size_t i = 0; i < node->n; i++) {
        char **item = append(&strings->items, &strings->n, sizeof(*item), e);

        if (item == NULL || read_scalar(machine, key->value, node->items[i], item, e) < 0)
            return -1;
    }
    return 0;
}

static int read_part(const struct machine *machine, const struct machine_key *key,
                     const struct node *node, void *base, struct err *e)
{
    if (key->present != NOWHERE)
        *(bool *)((char *)base + key->present) = true;
    return read_section(machine, key->content, node, (char *)base + key->member, e);
}

static int read_element(const struct machine *machine, const struct machine_key *key,
                        const struct node *node, void *base, struct err *e)
{
    size_t *count = (void *)((char *)base + key->count);
    void *element =
        append((char *)base + key->member, count, machine_sections[key->content].bytes, e);

    return element == NULL ? -1 : read_section(machine, key->content, node, element, e);
}

static int read_parts(const struct machine *machine, const struct machine_key *key,
                      const struct node *node, void *base, struct err *e)
{
    if (expect(machine, node, NODE_LIST, "a list of mappings, each behind a dash", e) < 0)
        return -1;
    for (size_t i = 0; i < node->n; i++)
        if (read_element(machine, key, node->items[i], base, e) < 0)
            return -1;
    return 0;
}

static int read_host(const struct machine *machine, const struct machine_key *key,
                     const struct node *node, void *base, struct err *e)
{
    struct machine *target = base;

    if (read_element(machine, key, node, base, e) < 0)
        return -1;
    target->systems[0].host = true;
    return 0;
}

/* The key is the path: a wrong one is reported as if it were a value. */
static int mount_path_error(const struct machine *machine, const struct machine_value *value,
                            const struct node *mounts, const struct node *item, struct err *e)
{
    struct node path = *mounts;

    path.kind = NODE_TEXT;
    path.at = item->key_at;
    path.text = item->key;
    return unexpected(machine, &path, value->expected, e);
}

static int read_mount(const struct machine *machine, struct machine_system *system,
                      const struct node *item, struct err *e)
{
    struct machine_mount *mount = append(&system->mounts, &system->n_mounts, sizeof(*mount), e);

    if (mount == NULL)
        return -1;
    mount->at = item->key_at;
    mount->path = strdup(item->key);
    if (mount->path == NULL)
        return err_no_memory(e);
    return read_scalar(machine, &value_name, item, &mount->partition, e);
}

static int read_mounts(const struct machine *machine, const struct machine_key *key,
                       const struct node *node, void *base, struct err *e)
{
    if (expect(machine, node, NODE_MAP, "a mapping such as {/mnt/shared: shared}", e) < 0)
        return -1;
    for (size_t i = 0; i < node->n; i++) {
        const struct node *item = node->items[i];

        if (!machine_value_accepts(key->value, item->key, NULL))
            return mount_path_error(machine, key->value, node, item, e);
        if (item->kind != NODE_NULL && read_mount(machine, base, item, e) < 0)
            return -1;
    }
    return 0;
}

static int read_consoles(const struct machine *machine, const struct machine_key *key,
                         const struct node *node, void *base, struct err *e)
{
    struct machine_menu *menu = base;

    if (node->kind != NODE_LIST || node->n == 0)
        return unexpected(machine, node, "a list of vga, serial or both", e);
    menu->vga = menu->serial = false;
    for (size_t i = 0; i < node->n; i++) {
        _cleanup_free_ char *word = NULL;

        if (read_scalar(machine, key->value, node->items[i], &word, e) < 0)
            return -1;
        menu->vga = menu->vga || strcmp(word, "vga") == 0;
        menu->serial = menu->serial || strcmp(word, "serial") == 0;
    }
    return 0;
}

static int read_later(const struct machine *machine, const struct machine_key *key,
                      const struct node *node, void *base, struct err *e)
{
    (void)key;
    (void)base;
    node_error(node, machine->path, ERR_UNSUPPORTED, e, "not supported yet");
    return err_hint(e, "leave the key out, or set it to null");
}

static shape_fn *const shapes[] = {
    [SHAPE_VALUE] = read_value, [SHAPE_LIST] = read_list,         [SHAPE_PART] = read_part,
    [SHAPE_PARTS] = read_parts, [SHAPE_HOST] = read_host,         [SHAPE_MOUNTS] = read_mounts,
    [SHAPE_LATER] = read_later, [SHAPE_CONSOLES] = read_consoles,
};

/* ---- sections ---- */

/* "path, size, table": what somebody who does not know the keys may write. */
static void hint_keys(enum machine_section_id id, struct err *e)
{
    char names[sizeof(e->hint) - 32] = "";
    const struct machine_key *key = NULL;

    while ((key = machine_key_next(id, key)) != NULL) {
        size_t used = strlen(names);

        snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "", key->name);
    }
    err_hint(e, "the keys here are %s", names);
}

static int check_keys(const struct machine *machine, enum machine_section_id id,
                      const struct node *node, struct err *e)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct node *item = node->items[i];
        const struct machine_key *near;
        struct node here = {.at = item->key_at, .parent = item->parent, .key = item->key};

        if (machine_key_find(id, item->key) != NULL)
            continue;
        node_error(&here, machine->path, ERR_SYNTAX, e, "this key is not known");
        near = machine_key_near(id, item->key);
        if (near != NULL)
            err_hint(e, "did you mean \"%s\"?", near->name);
        else
            hint_keys(id, e);
        return -1;
    }
    return 0;
}

static int key_missing(const struct machine *machine, const struct node *section,
                       const struct machine_key *key, struct err *e)
{
    node_error(section, machine->path, ERR_SYNTAX, e, "the key \"%s\" is missing", key->name);
    return strcmp(key->name, "berth") == 0
               ? err_hint(e, "a machine file has \"berth: 1\"; a script of sfdisk begins with a "
                             "line such as \"label: gpt\"")
               : -1;
}

static int read_key(const struct machine *machine, const struct machine_key *key,
                    const struct node *section, void *base, struct err *e)
{
    const struct node *node = node_child(section, key->name);

    if (node == NULL || node->kind == NODE_NULL) {
        if (!key->required)
            return 0;
        return key_missing(machine, section, key, e);
    }
    if (key->at != NOWHERE)
        *(struct position *)(void *)((char *)base + key->at) = node->at;
    return shapes[key->shape](machine, key, node, base, e);
}

static int read_section(const struct machine *machine, enum machine_section_id id,
                        const struct node *node, void *base, struct err *e)
{
    const struct machine_section *section = &machine_sections[id];
    const struct machine_key *key = NULL;

    if (expect(machine, node, NODE_MAP, section->expected, e) < 0 ||
        check_keys(machine, id, node, e) < 0)
        return -1;
    if (section->at != NOWHERE)
        *(struct position *)(void *)((char *)base + section->at) = node->at;
    while ((key = machine_key_next(id, key)) != NULL)
        if (read_key(machine, key, node, base, e) < 0)
            return -1;
    return 0;
}

/* The version first: another one's keys would only be reported as unknown. */
static int read_machine(struct machine *machine, const struct node *node, struct err *e)
{
    const struct machine_key *version = machine_key_find(SECTION_MACHINE, "berth");

    if (expect(machine, node, NODE_MAP, machine_sections[SECTION_MACHINE].expected, e) < 0 ||
        read_key(machine, version, node, machine, e) < 0)
        return -1;
    return read_section(machine, SECTION_MACHINE, node, machine, e);
}

static struct machine *machine_new(const char *path, struct err *e)
{
    _cleanup_machine_ struct machine *machine = calloc(1, sizeof(*machine));
    const char *slash = strrchr(path, '/');

    if (machine == NULL) {
        err_no_memory(e);
        return NULL;
    }
    machine->menu.vga = machine->menu.serial = true;
    machine->path = io_format(e, "%s", path);
    if (slash == NULL)
        machine->folder = io_format(e, ".");
    else
        machine->folder = io_format(e, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return machine->path == NULL || machine->folder == NULL ? NULL : steal(machine);
}

struct machine *machine_parse(const char *text, size_t len, const char *path, struct err *e)
{
    _cleanup_node_ struct node *node = node_parse(text, len, path, e);
    _cleanup_machine_ struct machine *machine = node == NULL ? NULL : machine_new(path, e);

    if (machine == NULL || read_machine(machine, node, e) < 0 || machine_complete(machine, e) < 0 ||
        machine_check(machine, e) < 0)
        return NULL;
    return steal(machine);
}

struct machine *machine_read(const char *path, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len;

    if (io_read_file(path, FILE_MAX, &text, &len, e) < 0)
        return NULL;
    return machine_parse(text, len, path, e);
}
