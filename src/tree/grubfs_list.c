// SPDX-License-Identifier: GPL-3.0-or-later
/* grubfs_list.c: one line is one name. */
#include "tree/grubfs_list.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_WIDTH 12 /* characters, at least */
#define DATE_WIDTH  14 /* digits, at least */
#define NAME_BYTES  255

/* "10485760     20261122234337 vmlinuz", "DIR          20261122234337 boot/"; a filesystem without
 * times has no second column. Returns where the name starts, NULL when it is no such line. */
static const char *parse_line(const char *line, struct grubfs_name *name)
{
    bool is_folder = strncmp(line, "DIR ", 4) == 0;
    size_t at = is_folder ? 3 : strspn(line, "0123456789"), date;

    if (at == 0)
        return NULL;
    name->type = is_folder ? TREE_DIR : TREE_FILE;
    name->size = is_folder ? 0 : strtoull(line, NULL, 10);
    while (at < BYTES_WIDTH && line[at] == ' ')
        at++;
    if (line[at] == ' ') {
        date = strspn(line + at + 1, "0123456789");
        if (date >= DATE_WIDTH && line[at + 1 + date] == ' ')
            at += date + 2;
    }
    return line + at;
}

static bool is_name(const char *text, size_t len)
{
    if (len == 0 || len > NAME_BYTES || memchr(text, '/', len) != NULL)
        return false;
    return !(len == 1 && text[0] == '.') && !(len == 2 && text[0] == '.' && text[1] == '.');
}

static int add_line(struct grubfs_list *list, const char *line, struct err *e)
{
    struct grubfs_name name = {0};
    const char *text = parse_line(line, &name);
    size_t len = text != NULL ? strlen(text) : 0;

    if (len > 1 && name.type == TREE_DIR && text[len - 1] == '/')
        len--;
    if (text == NULL || !is_name(text, len))
        return 0;
    name.text = strndup(text, len);
    if (name.text == NULL)
        return err_no_memory(e);
    list->names[list->n++] = name;
    return 0;
}

int grubfs_list_parse(char *text, struct grubfs_list *list, struct err *e)
{
    size_t lines = 1;
    char *line;

    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    list->names = calloc(lines, sizeof(*list->names));
    if (list->names == NULL)
        return err_no_memory(e);
    while ((line = strsep(&text, "\n")) != NULL) {
        if (add_line(list, line, e) < 0) {
            grubfs_list_clear(list);
            return -1;
        }
    }
    return 0;
}

const struct grubfs_name *grubfs_list_find(const struct grubfs_list *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->names[i].text, text) == 0)
            return &list->names[i];
    return NULL;
}

void grubfs_list_clear(struct grubfs_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->names[i].text);
    free(list->names);
    *list = (struct grubfs_list){0};
}
