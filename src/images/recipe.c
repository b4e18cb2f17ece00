// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * recipe.c: finds a recipe and reads it: one YAML mapping of texts and lists of texts. A key that
 * is not known, or stands twice, is an error at its place.
 */
#include "images/recipe.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "images/image.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <yaml.h>

#define RECIPE_MAX ((size_t)MIB)

/* ---- finding ---- */

/* Where recipes are, a new string: told by the environment, else beside a program that runs from
 * its build folder, else installed. */
static char *recipe_folder(struct err *e)
{
    const char *data = getenv("BERTH_DATA");
    char program[PATH_MAX];
    char *folder;
    ssize_t n;

    if (data != NULL && *data != '\0')
        return io_format(e, "%s/recipes", data);
    n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[n > 0 ? n : 0] = '\0';
    for (int up = 0; up < 2 && strrchr(program, '/') != NULL; up++)
        *strrchr(program, '/') = '\0';
    folder = io_format(e, "%s/src/images/recipes", program);
    if (folder == NULL || access(folder, F_OK) == 0)
        return folder;
    free(folder);
    return io_format(e, "%s/recipes", BERTH_DATA);
}

static int is_recipe(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".yaml") == 0;
}

static int not_found(const char *name, const char *folder, struct err *e)
{
    struct dirent **entries = NULL;
    char names[400] = "";
    int n = scandir(folder, &entries, is_recipe, alphasort);

    for (int i = 0; i < n; i++) {
        size_t len = strlen(names);

        snprintf(names + len, sizeof(names) - len, "%s%.*s", i > 0 ? ", " : "",
                 (int)(strlen(entries[i]->d_name) - 5), entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    err_set(e, ERR_NOT_FOUND, "no recipe \"%s\"", name);
    return n > 0 ? err_hint(e, "there are %s, or give the path of one", names)
                 : err_hint(e, "%s has none; set BERTH_DATA, or give the path of one", folder);
}

/* The path of the recipe's file, a new string. */
static char *find(const char *name_or_path, struct err *e)
{
    size_t len = strlen(name_or_path);
    _cleanup_free_ char *folder = NULL;
    char *path;

    if (strchr(name_or_path, '/') != NULL ||
        (len > 5 && strcmp(name_or_path + len - 5, ".yaml") == 0))
        return io_format(e, "%s", name_or_path);
    folder = recipe_folder(e);
    if (folder == NULL)
        return NULL;
    path = io_format(e, "%s/%s.yaml", folder, name_or_path);
    if (path != NULL && access(path, F_OK) < 0) {
        not_found(name_or_path, folder, e);
        free(path);
        return NULL;
    }
    return path;
}

/* ---- reading ---- */

ERR_PRINTF(4, 5)
static int error_at(const char *path, yaml_mark_t at, struct err *e, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_set(e, ERR_SYNTAX, "%s:%zu:%zu: %s", path, at.line + 1, at.column + 1, text);
}

static const char *scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static int read_text(const char *path, const char *key, const yaml_node_t *node, char **text,
                     struct err *e)
{
    const char *value = scalar(node);

    if (value == NULL || *value == '\0')
        return error_at(path, node->start_mark, e, "\"%s\" must be a text", key);
    *text = strdup(value);
    return *text != NULL ? 0 : err_no_memory(e);
}

static int read_list(const char *path, const char *key, yaml_document_t *document,
                     const yaml_node_t *node, struct strings *list, struct err *e)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return error_at(path, node->start_mark, e, "\"%s\" must be a list", key);
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
         i++) {
        const yaml_node_t *item = yaml_document_get_node(document, *i);
        const char *value = scalar(item);

        if (value == NULL || *value == '\0' || strpbrk(value, ", \t\n") != NULL)
            return error_at(path, item->start_mark, e, "\"%s\" must hold single words", key);
        if (strings_add(list, value, strlen(value), e) < 0)
            return -1;
    }
    return 0;
}

/* One key and its value. */
static int read_pair(struct recipe *recipe, yaml_document_t *document, const yaml_node_t *key_node,
                     const yaml_node_t *node, struct err *e)
{
    const struct {
        const char *key;
        char **text;
        struct strings *list;
    } keys[] = {
        {"name", &recipe->name, NULL},
        {"distribution", &recipe->distribution, NULL},
        {"suite", &recipe->suite, NULL},
        {"variant", &recipe->variant, NULL},
        {"components", NULL, &recipe->components},
        {"packages", NULL, &recipe->packages},
    };
    const char *key = scalar(key_node), *value = scalar(node);

    if (key != NULL && strcmp(key, "recipe") == 0) {
        if (value != NULL && strcmp(value, "1") == 0)
            return 0;
        return error_at(recipe->path, node->start_mark, e, "expected recipe: 1");
    }
    for (size_t i = 0; key != NULL && i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(key, keys[i].key) != 0)
            continue;
        if (keys[i].text != NULL ? *keys[i].text != NULL : keys[i].list->n > 0)
            return error_at(recipe->path, key_node->start_mark, e, "\"%s\" stands twice", key);
        return keys[i].text != NULL ? read_text(recipe->path, key, node, keys[i].text, e)
                                    : read_list(recipe->path, key, document, node, keys[i].list, e);
    }
    return error_at(recipe->path, key_node->start_mark, e, "unknown key \"%s\"",
                    key != NULL ? key : "?");
}

static int read_document(struct recipe *recipe, yaml_document_t *document, struct err *e)
{
    const yaml_node_t *root = yaml_document_get_root_node(document);

    if (root == NULL || root->type != YAML_MAPPING_NODE)
        return err_set(e, ERR_SYNTAX, "%s:1:1: a recipe must be a mapping of keys", recipe->path);
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++)
        if (read_pair(recipe, document, yaml_document_get_node(document, pair->key),
                      yaml_document_get_node(document, pair->value), e) < 0)
            return -1;
    return 0;
}

static int parse(struct recipe *recipe, const char *text, size_t len, struct err *e)
{
    yaml_parser_t parser;
    yaml_document_t document;
    int result;

    if (yaml_parser_initialize(&parser) == 0)
        return err_no_memory(e);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    if (yaml_parser_load(&parser, &document) == 0) {
        result = error_at(recipe->path, parser.problem_mark, e, "%s",
                          parser.problem != NULL ? parser.problem : "not YAML");
    } else {
        result = read_document(recipe, &document, e);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return result;
}

/* What is required, and words that go into an argument list: none may look like an option. */
static int check(const struct recipe *recipe, struct err *e)
{
    const struct {
        const char *key, *value;
    } required[] = {{"name", recipe->name},
                    {"distribution", recipe->distribution},
                    {"suite", recipe->suite},
                    {"variant", recipe->variant}};

    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
        if (required[i].value == NULL || strpbrk(required[i].value, " \t\n/") != NULL ||
            required[i].value[0] == '-')
            return err_set(e, ERR_SYNTAX, "%s: \"%s\" is missing or not a single word",
                           recipe->path, required[i].key);
    if (strcmp(recipe->distribution, "debian") != 0)
        return err_set(e, ERR_UNSUPPORTED, "%s: distribution \"%s\" is not supported, only debian",
                       recipe->path, recipe->distribution);
    if (recipe->components.n == 0)
        return err_set(e, ERR_SYNTAX, "%s: \"components\" is missing", recipe->path);
    return 0;
}

int recipe_read(const char *name_or_path, struct recipe *recipe, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len;

    *recipe = (struct recipe){.path = find(name_or_path, e)};
    if (recipe->path == NULL)
        return -1;
    if (io_read_file(recipe->path, RECIPE_MAX, &text, &len, e) < 0 ||
        parse(recipe, text, len, e) < 0 || check(recipe, e) < 0) {
        recipe_free(recipe);
        return -1;
    }
    return 0;
}

void recipe_free(struct recipe *recipe)
{
    free(recipe->path);
    free(recipe->name);
    free(recipe->distribution);
    free(recipe->suite);
    free(recipe->variant);
    strings_clear(&recipe->components);
    strings_clear(&recipe->packages);
    *recipe = (struct recipe){0};
}
