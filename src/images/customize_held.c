// SPDX-License-Identifier: GPL-3.0-or-later
/* customize_held.c: what the parts take of the held entries, and put in their place. */
#include "images/customize_parts.h"

#include <string.h>

struct held *customize_held(struct customize *c, const char *path)
{
    for (size_t i = c->n_held; i-- > 0;)
        if (strcmp(c->held[i].entry.path, path) == 0)
            return &c->held[i];
    return NULL;
}

int customize_text(struct customize *c, const char *path, const char **text, struct err *e)
{
    struct held *held = customize_held(c, path);

    *text = "";
    if (held == NULL)
        return 0;
    if (held->data == NULL)
        return err_set(e, ERR_UNSUPPORTED, "the image's /%s is no ordinary file", path);
    if (strlen(held->data) != held->entry.size)
        return err_set(e, ERR_UNSUPPORTED, "the image's /%s is no text", path);
    *text = held->data;
    return 0;
}

int customize_put_entry(struct customize *c, const struct tree_entry *entry, const void *data,
                        struct err *e)
{
    struct held *held = customize_held(c, entry->path);
    struct tree_bytes bytes;
    struct tree_source *source = NULL;

    if (held != NULL)
        held->replaced = true;
    if (entry->type == TREE_FILE)
        source = tree_bytes(&bytes, data, (size_t)entry->size);
    return tree_put(c->to, entry, source, e);
}

int64_t customize_made_at(const struct customize *c)
{
    int64_t newest = 0;

    for (size_t i = 0; i < c->n_held; i++)
        if (c->held[i].entry.mtime > newest)
            newest = c->held[i].entry.mtime;
    return newest;
}

int customize_put_file(struct customize *c, const char *path, unsigned mode, const char *text,
                       struct err *e)
{
    struct tree_entry entry = {.path = path,
                               .type = TREE_FILE,
                               .mode = mode,
                               .mtime = customize_made_at(c),
                               .size = strlen(text)};

    return customize_put_entry(c, &entry, text, e);
}

int customize_put_text(struct customize *c, const char *path, unsigned mode, const char *text,
                       struct err *e)
{
    struct held *held = customize_held(c, path);
    struct tree_entry entry;

    if (held == NULL || held->entry.type != TREE_FILE)
        return customize_put_file(c, path, mode, text, e);
    entry = held->entry;
    entry.size = strlen(text);
    entry.mtime = customize_made_at(c);
    return customize_put_entry(c, &entry, text, e);
}

int customize_put_link(struct customize *c, const char *path, const char *target, struct err *e)
{
    struct tree_entry entry = {.path = path,
                               .type = TREE_SYMLINK,
                               .mode = 0777,
                               .mtime = customize_made_at(c),
                               .target = target};

    return customize_put_entry(c, &entry, NULL, e);
}
