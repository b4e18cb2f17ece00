// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine_node.c: builds the tree of nodes from libyaml's events, which carry a place each.
 *
 * Everything that could make a file mean something other than what it shows (aliases, tags, merged
 * or repeated keys) is an error, and so is what could make reading it expensive.
 */
#include "model/machine_node.h"
#include "core/cleanup.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 16   /* the format needs 6 */
#define ITEMS_MAX 4096 /* of one list or map */
#define FOUND_MAX 60   /* characters of a value that a message repeats */

struct builder {
    yaml_parser_t parser;
    const char *path, *text;
    size_t len;
    unsigned depth;
};

static struct node *build_node(struct builder *b, const yaml_event_t *event, struct err *e);

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    for (size_t i = 0; i < node->n; i++)
        node_free(node->items[i]);
    free(node->items);
    free(node->key);
    free(node->text);
    free(node);
}

void node_cleanup(struct node **node)
{
    node_free(*node);
}

const struct node *node_child(const struct node *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->items[i]->key, key) == 0)
            return map->items[i];
    return NULL;
}

/* Appends "guests[1].root.size" to buf, which holds a string already. */
static void append_path(const struct node *node, char *buf, size_t len)
{
    size_t used;

    if (node->parent == NULL)
        return;
    append_path(node->parent, buf, len);
    used = strlen(buf);
    if (node->key == NULL)
        snprintf(buf + used, len - used, "[%zu]", node->index);
    else
        snprintf(buf + used, len - used, "%s%.*s", used > 0 ? "." : "", FOUND_MAX, node->key);
}

/* Puts the place in front, and takes out what a terminal would obey: the text quotes the file. */
static int place_error(const char *path, struct position at, struct err *e)
{
    for (char *p = e->text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    return err_wrap(e, "%s:%u:%u", path, at.line, at.column);
}

int node_error(const struct node *node, const char *path, enum err_code code, struct err *e,
               const char *fmt, ...)
{
    char text[sizeof(e->text)], keys[512] = "";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    append_path(node, keys, sizeof(keys));
    err_set(e, code, "%s%s%s", keys, keys[0] != '\0' ? ": " : "", text);
    return place_error(path, node->at, e);
}

/* What stands there: quoted, and cut to a readable length between two characters of UTF-8. */
static void describe(const struct node *node, char *buf, size_t len)
{
    static const char *const kinds[] = {
        [NODE_NULL] = "nothing", [NODE_LIST] = "a list", [NODE_MAP] = "a mapping"};
    int shown = FOUND_MAX;

    if (node->kind != NODE_TEXT) {
        snprintf(buf, len, "%s", kinds[node->kind]);
        return;
    }
    if (strlen(node->text) <= FOUND_MAX) {
        snprintf(buf, len, "\"%s\"", node->text);
        return;
    }
    while (shown > 0 && (node->text[shown] & 0xc0) == 0x80)
        shown--;
    snprintf(buf, len, "\"%.*s...\"", shown, node->text);
}

int node_unexpected(const struct node *node, const char *path, bool secret, const char *expected,
                    struct err *e)
{
    char found[FOUND_MAX + 16];

    describe(node, found, sizeof(found));
    return node_error(node, path, ERR_SYNTAX, e, "found %s, expected %s",
                      secret && node->kind == NODE_TEXT ? "other text (not shown)" : found,
                      expected);
}

static struct position position_of(yaml_mark_t mark)
{
    return (struct position){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

/* libyaml's words for a tab ("a character that cannot start any token") help nobody. */
static bool line_starts_with_tab(const struct builder *b, unsigned line)
{
    const char *p = b->text, *end = b->text + b->len;

    while (--line > 0) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (p == NULL)
            return false;
        p++;
    }
    while (p < end && *p == ' ')
        p++;
    return p < end && *p == '\t';
}

static int parser_error(const struct builder *b, struct err *e)
{
    const yaml_parser_t *parser = &b->parser;
    struct position at = position_of(parser->problem_mark);

    if (parser->error == YAML_MEMORY_ERROR)
        return err_no_memory(e);
    if (parser->error == YAML_READER_ERROR)
        return err_set(e, ERR_SYNTAX, "%s: not YAML text: %s at byte %zu", b->path, parser->problem,
                       parser->problem_offset);
    if (line_starts_with_tab(b, at.line))
        err_set(e, ERR_SYNTAX, "found a tab at the start of the line, expected spaces");
    else
        err_set(e, ERR_SYNTAX, "not YAML: %s%s%s", parser->problem,
                parser->context != NULL ? " " : "", parser->context != NULL ? parser->context : "");
    return place_error(b->path, at, e);
}

static int event_error(const struct builder *b, const yaml_event_t *event, struct err *e,
                       const char *text)
{
    err_set(e, ERR_SYNTAX, "%s", text);
    return place_error(b->path, position_of(event->start_mark), e);
}

/* Refuses what YAML has and a machine file has not. */
static int check_event(const struct builder *b, const yaml_event_t *event, struct err *e)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;

    if (event->type == YAML_ALIAS_EVENT) {
        return event_error(b, event, e, "found an alias (*), which a machine file cannot have");
    } else if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return event_error(b, event, e, "found an anchor (&), which a machine file cannot have");
    if (tag != NULL)
        return event_error(b, event, e, "found a tag (!), which a machine file cannot have");
    return 0;
}

static int next_event(struct builder *b, yaml_event_t *event, struct err *e)
{
    if (yaml_parser_parse(&b->parser, event) == 0)
        return parser_error(b, e);
    return check_event(b, event, e);
}

static bool is_null(const yaml_event_t *event)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    const char *text = (const char *)event->data.scalar.value;

    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* A new string with the scalar's text. */
static char *scalar_text(const struct builder *b, const yaml_event_t *event, struct err *e)
{
    const char *value = (const char *)event->data.scalar.value;
    char *text;

    if (strlen(value) != event->data.scalar.length) {
        event_error(b, event, e, "found a NUL character, which no value can have");
        return NULL;
    }
    text = strdup(value);
    if (text == NULL)
        err_no_memory(e);
    return text;
}

static int append(const struct builder *b, struct node *parent, struct node *item, struct err *e)
{
    struct node **grown;

    if (parent->n == ITEMS_MAX) {
        node_error(parent, b->path, ERR_SYNTAX, e, "found more than %d items", ITEMS_MAX);
        node_free(item);
        return -1;
    }
    grown = realloc(parent->items, (parent->n + 1) * sizeof(struct node *));
    if (grown == NULL) {
        node_free(item);
        return err_no_memory(e);
    }
    parent->items = grown;
    item->parent = parent;
    item->index = parent->n;
    parent->items[parent->n++] = item;
    return 0;
}

static int build_list(struct builder *b, struct node *list, struct err *e)
{
    for (;;) {
        _cleanup_(yaml_event_delete) yaml_event_t event = {0};
        struct node *item;

        if (next_event(b, &event, e) < 0)
            return -1;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        item = build_node(b, &event, e);
        if (item == NULL || append(b, list, item, e) < 0)
            return -1;
    }
}

/* Reads the key in the event into *key. */
static int build_key(const struct builder *b, const struct node *map, const yaml_event_t *event,
                     char **key, struct err *e)
{
    const struct node *first;

    if (event->type != YAML_SCALAR_EVENT)
        return event_error(b, event, e, "found a list or mapping as a key, expected a word");
    *key = scalar_text(b, event, e);
    if (*key == NULL)
        return -1;
    first = node_child(map, *key);
    if (first == NULL)
        return 0;
    err_set(e, ERR_SYNTAX, "the key \"%.*s\" is here twice, first at line %u, column %u", FOUND_MAX,
            *key, first->key_at.line, first->key_at.column);
    return place_error(b->path, position_of(event->start_mark), e);
}

static int build_map(struct builder *b, struct node *map, struct err *e)
{
    for (;;) {
        _cleanup_(yaml_event_delete) yaml_event_t key_event = {0};
        _cleanup_(yaml_event_delete) yaml_event_t event = {0};
        _cleanup_free_ char *key = NULL;
        struct node *item;

        if (next_event(b, &key_event, e) < 0)
            return -1;
        if (key_event.type == YAML_MAPPING_END_EVENT)
            return 0;
        if (build_key(b, map, &key_event, &key, e) < 0 || next_event(b, &event, e) < 0)
            return -1;
        item = build_node(b, &event, e);
        if (item == NULL)
            return -1;
        item->key = steal(key);
        item->key_at = position_of(key_event.start_mark);
        if (append(b, map, item, e) < 0)
            return -1;
    }
}

/* Fills in the node that begins with the event, up to its end. */
static int build_content(struct builder *b, const yaml_event_t *event, struct node *node,
                         struct err *e)
{
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        node->kind = NODE_LIST;
        return build_list(b, node, e);
    }
    if (event->type == YAML_MAPPING_START_EVENT) {
        node->kind = NODE_MAP;
        return build_map(b, node, e);
    }
    node->kind = is_null(event) ? NODE_NULL : NODE_TEXT;
    if (node->kind == NODE_TEXT)
        node->text = scalar_text(b, event, e);
    return node->kind == NODE_TEXT && node->text == NULL ? -1 : 0;
}

static struct node *build_node(struct builder *b, const yaml_event_t *event, struct err *e)
{
    _cleanup_node_ struct node *node = calloc(1, sizeof(*node));

    if (node == NULL) {
        err_no_memory(e);
        return NULL;
    }
    node->at = position_of(event->start_mark);
    if (b->depth == DEPTH_MAX) {
        event_error(b, event, e, "found lists and mappings nested too deep");
        return NULL;
    }
    b->depth++;
    if (build_content(b, event, node, e) < 0)
        return NULL;
    b->depth--;
    return steal(node);
}

/* Takes the next event, which must be of the type. */
static int skip_event(struct builder *b, yaml_event_type_t type, const char *otherwise,
                      struct err *e)
{
    _cleanup_(yaml_event_delete) yaml_event_t event = {0};

    if (next_event(b, &event, e) < 0)
        return -1;
    return event.type == type ? 0 : event_error(b, &event, e, otherwise);
}

static struct node *build_document(struct builder *b, struct err *e)
{
    _cleanup_(yaml_event_delete) yaml_event_t event = {0};
    _cleanup_node_ struct node *node = NULL;

    if (skip_event(b, YAML_STREAM_START_EVENT, "not YAML", e) < 0)
        return NULL;
    if (skip_event(b, YAML_DOCUMENT_START_EVENT, "the file is empty, expected \"berth: 1\"", e) <
        0) {
        err_hint(e, "`berth disk export DISK --format yaml` writes one to begin with; an sfdisk "
                    "script begins with \"label: gpt\" or \"label: dos\"");
        return NULL;
    }
    if (next_event(b, &event, e) < 0)
        return NULL;
    node = build_node(b, &event, e);
    if (node == NULL || skip_event(b, YAML_DOCUMENT_END_EVENT, "not YAML", e) < 0 ||
        skip_event(b, YAML_STREAM_END_EVENT, "found a second document, expected one", e) < 0)
        return NULL;
    return steal(node);
}

struct node *node_parse(const char *text, size_t len, const char *path, struct err *e)
{
    struct builder b = {.path = path, .text = text, .len = len};
    struct node *node;

    if (yaml_parser_initialize(&b.parser) == 0) {
        err_no_memory(e);
        return NULL;
    }
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
    node = build_document(&b, e);
    yaml_parser_delete(&b.parser);
    return node;
}
