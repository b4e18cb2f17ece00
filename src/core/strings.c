// SPDX-License-Identifier: GPL-3.0-or-later
/* strings.c: a list of strings that owns them. */
#include "core/strings.h"
#include "core/cleanup.h"

#include <string.h>

bool strings_have(const struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

int strings_add(struct strings *list, const char *text, size_t len, struct err *e)
{
    char *copy = strndup(text, len);
    char **grown = reallocarray(list->items, list->n + 1, sizeof(*grown));

    if (grown != NULL)
        list->items = grown;
    if (copy == NULL || grown == NULL) {
        free(copy);
        return err_no_memory(e);
    }
    list->items[list->n++] = copy;
    return 0;
}

void strings_clear(struct strings *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct strings){0};
}
