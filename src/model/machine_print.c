// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine_print.c: writes a machine as a machine file, by the table of keys.
 *
 * libyaml's emitter quotes what needs it. What has not been said is left out, so that reading the
 * text again gives the same machine.
 */
#include "model/machine_key.h"

#include <string.h>
#include <yaml.h>

struct printer {
    yaml_emitter_t emitter;
    bool failed; /* once true, nothing more is written */
};

static void print_section(struct printer *p, enum machine_section_id id, const void *base);
static bool section_is_set(enum machine_section_id id, const void *base);

static const void *member_of(const struct machine_key *key, const void *base)
{
    return (const char *)base + key->member;
}

/* ---- events ---- */

/* Sends the event; `made` is what its initialiser returned. */
static void emit(struct printer *p, int made, yaml_event_t *event)
{
    if (p->failed)
        yaml_event_delete(event);
    else if (made == 0 || yaml_emitter_emit(&p->emitter, event) == 0)
        p->failed = true;
}

/* Text that would read as null is quoted, and scripts are written line by line. */
static void emit_text(struct printer *p, const char *text)
{
    yaml_scalar_style_t style = YAML_ANY_SCALAR_STYLE;
    yaml_event_t event = {0};
    const yaml_char_t *bytes = (const yaml_char_t *)text;

    if (*text == '\0' || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0)
        style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    else if (strchr(text, '\n') != NULL)
        style = YAML_LITERAL_SCALAR_STYLE;
    emit(p, yaml_scalar_event_initialize(&event, NULL, NULL, bytes, (int)strlen(text), 1, 1, style),
         &event);
}

static void emit_map(struct printer *p, bool one_line)
{
    yaml_mapping_style_t style = one_line ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE;
    yaml_event_t event = {0};

    emit(p, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style), &event);
}

static void emit_map_end(struct printer *p)
{
    yaml_event_t event = {0};

    emit(p, yaml_mapping_end_event_initialize(&event), &event);
}

static void emit_list(struct printer *p, bool one_line)
{
    yaml_sequence_style_t style = one_line ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
    yaml_event_t event = {0};

    emit(p, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style), &event);
}

static void emit_list_end(struct printer *p)
{
    yaml_event_t event = {0};

    emit(p, yaml_sequence_end_event_initialize(&event), &event);
}

/* ---- one pair of functions for each shape of key: is there anything, and print it ---- */

struct shape {
    bool (*is_set)(const struct machine_key *key, const void *base);
    void (*print)(struct printer *p, const struct machine_key *key, const void *base);
};

/* The scalar as text: the member itself, or what format writes into buf. NULL: not set. */
static const char *value_text_of(const struct machine_key *key, const void *base,
                                 char buf[MACHINE_VALUE_TEXT])
{
    if (machine_value_is_text(key->value))
        return *(char *const *)member_of(key, base);
    if (key->value->format == NULL ||
        !key->value->format(member_of(key, base), buf, MACHINE_VALUE_TEXT))
        return NULL;
    return buf;
}

static bool value_is_set(const struct machine_key *key, const void *base)
{
    char buf[MACHINE_VALUE_TEXT];

    return value_text_of(key, base, buf) != NULL;
}

static void print_value(struct printer *p, const struct machine_key *key, const void *base)
{
    char buf[MACHINE_VALUE_TEXT];

    emit_text(p, value_text_of(key, base, buf));
}

static bool list_is_set(const struct machine_key *key, const void *base)
{
    const struct strings *strings = member_of(key, base);

    return strings->n > 0;
}

static void print_list(struct printer *p, const struct machine_key *key, const void *base)
{
    const struct strings *strings = member_of(key, base);

    emit_list(p, true);
    for (size_t i = 0; i < strings->n; i++)
        emit_text(p, strings->items[i]);
    emit_list_end(p);
}

static bool part_is_set(const struct machine_key *key, const void *base)
{
    if (key->present != NOWHERE)
        return *(const bool *)((const char *)base + key->present);
    return section_is_set(key->content, member_of(key, base));
}

static void print_part(struct printer *p, const struct machine_key *key, const void *base)
{
    print_section(p, key->content, member_of(key, base));
}

static bool parts_are_set(const struct machine_key *key, const void *base)
{
    size_t n;

    machine_key_elements(key, base, &n);
    return n > 0;
}

static void print_parts(struct printer *p, const struct machine_key *key, const void *base)
{
    size_t n;
    const char *elements = machine_key_elements(key, base, &n);

    emit_list(p, false);
    for (size_t i = 0; i < n; i++)
        print_section(p, key->content, elements + i * machine_sections[key->content].bytes);
    emit_list_end(p);
}

static void print_host(struct printer *p, const struct machine_key *key, const void *base)
{
    size_t n;

    print_section(p, key->content, machine_key_elements(key, base, &n));
}

static bool mounts_are_set(const struct machine_key *key, const void *base)
{
    const struct machine_system *system = base;

    (void)key;
    return system->n_mounts > 0;
}

static void print_mounts(struct printer *p, const struct machine_key *key, const void *base)
{
    const struct machine_system *system = base;

    (void)key;
    emit_map(p, true);
    for (size_t i = 0; i < system->n_mounts; i++) {
        emit_text(p, system->mounts[i].path);
        emit_text(p, system->mounts[i].partition);
    }
    emit_map_end(p);
}

static bool consoles_are_set(const struct machine_key *key, const void *base)
{
    const struct machine_menu *menu = base;

    (void)key;
    return menu->vga || menu->serial;
}

static void print_consoles(struct printer *p, const struct machine_key *key, const void *base)
{
    const struct machine_menu *menu = base;

    (void)key;
    emit_list(p, true);
    if (menu->vga)
        emit_text(p, "vga");
    if (menu->serial)
        emit_text(p, "serial");
    emit_list_end(p);
}

static bool later_is_set(const struct machine_key *key, const void *base)
{
    (void)key;
    (void)base;
    return false;
}

static const struct shape shapes[] = {
    [SHAPE_VALUE] = {value_is_set, print_value},
    [SHAPE_LIST] = {list_is_set, print_list},
    [SHAPE_PART] = {part_is_set, print_part},
    [SHAPE_PARTS] = {parts_are_set, print_parts},
    [SHAPE_HOST] = {parts_are_set, print_host},
    [SHAPE_MOUNTS] = {mounts_are_set, print_mounts},
    [SHAPE_CONSOLES] = {consoles_are_set, print_consoles},
    [SHAPE_LATER] = {later_is_set, NULL},
};

static bool section_is_set(enum machine_section_id id, const void *base)
{
    const struct machine_key *key = NULL;

    while ((key = machine_key_next(id, key)) != NULL)
        if (shapes[key->shape].is_set(key, base))
            return true;
    return false;
}

static void print_section(struct printer *p, enum machine_section_id id, const void *base)
{
    const struct machine_key *key = NULL;

    emit_map(p, machine_sections[id].one_line);
    while ((key = machine_key_next(id, key)) != NULL) {
        if (!shapes[key->shape].is_set(key, base))
            continue;
        emit_text(p, key->name);
        shapes[key->shape].print(p, key, base);
    }
    emit_map_end(p);
}

/* ---- the document ---- */

static int write_file(void *data, unsigned char *buffer, size_t size)
{
    return fwrite(buffer, 1, size, data) == size;
}

/* One document, whose content print writes. */
static void print_document(struct printer *p,
                           void (*print)(struct printer *p, const struct machine_key *key,
                                         const void *base),
                           const struct machine_key *key, const void *base)
{
    yaml_event_t event = {0};

    emit(p, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event);
    memset(&event, 0, sizeof(event));
    emit(p, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event);
    print(p, key, base);
    memset(&event, 0, sizeof(event));
    emit(p, yaml_document_end_event_initialize(&event, 1), &event);
    memset(&event, 0, sizeof(event));
    emit(p, yaml_stream_end_event_initialize(&event), &event);
}

static void print_machine(struct printer *p, const struct machine_key *key, const void *base)
{
    (void)key;
    print_section(p, SECTION_MACHINE, base);
}

static int print_to(FILE *out,
                    void (*print)(struct printer *p, const struct machine_key *key,
                                  const void *base),
                    const struct machine_key *key, const void *base, struct err *e)
{
    struct printer p = {.failed = false};

    if (yaml_emitter_initialize(&p.emitter) == 0)
        return err_no_memory(e);
    yaml_emitter_set_output(&p.emitter, write_file, out);
    yaml_emitter_set_unicode(&p.emitter, 1);
    yaml_emitter_set_width(&p.emitter, -1);
    print_document(&p, print, key, base);
    if (p.failed)
        err_set(e, ferror(out) ? ERR_IO : ERR_FAILED, "writing the machine file: %s",
                p.emitter.problem != NULL ? p.emitter.problem : "text that is not UTF-8");
    yaml_emitter_delete(&p.emitter);
    return p.failed ? -1 : 0;
}

int machine_print(const struct machine *machine, FILE *out, struct err *e)
{
    return print_to(out, print_machine, NULL, machine, e);
}

/* The image and the partitions are compared by digest and GUID, not by what the file calls them. */
static bool is_setting(const struct machine_key *key)
{
    return key->class == KEY_CREATE && strcmp(key->name, "image") != 0 &&
           key->content != SECTION_ROOT && key->content != SECTION_PARTITION;
}

int machine_each_setting(const struct machine_system *system,
                         int (*each)(void *arg, const char *key, const char *text, struct err *e),
                         void *arg, struct err *e)
{
    const struct machine_key *key = NULL;

    while ((key = machine_key_next(SECTION_SYSTEM, key)) != NULL) {
        char *text = NULL;
        size_t len;
        FILE *out;
        int result;

        if (!is_setting(key) || !shapes[key->shape].is_set(key, system))
            continue;
        out = open_memstream(&text, &len);
        if (out == NULL)
            return err_no_memory(e);
        result = print_to(out, shapes[key->shape].print, key, system, e);
        if (fclose(out) != 0 && result == 0)
            result = err_no_memory(e);
        if (result == 0)
            result = each(arg, key->name, text, e);
        free(text);
        if (result < 0)
            return -1;
    }
    return 0;
}
