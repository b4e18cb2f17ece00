// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * release.c: parses os-release. The text comes from an image that nobody has vouched for, so it is
 * read as data: nothing is expanded, and what is kept is fit to be printed.
 */
#include "os/release.h"
#include "core/cleanup.h"
#include "model/machine.h"

#include <jansson.h>
#include <string.h>

/* The value behind "NAME=" without its quotes, as a new string. Inside double quotes, and outside
 * of quotes, a backslash takes the next character as it is. */
static char *unquote(const char *value, size_t len)
{
    char *out = malloc(len + 1);
    size_t n = 0;
    char quote = '\0';

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        char c = value[i];

        if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (quote != '\0' && c == quote)
            quote = '\0';
        else if (c == '\\' && quote != '\'' && i + 1 < len)
            out[n++] = value[++i];
        else
            out[n++] = c;
    }
    out[n] = '\0';
    return out;
}

/* Text that is not UTF-8 keeps its ASCII only: it is printed, and goes into JSON. */
static void make_utf8(char *text)
{
    json_t *valid = json_string(text);

    for (char *p = text; valid == NULL && *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    json_decref(valid);
}

static int take_line(const char *line, size_t len, struct release *release, struct err *e)
{
    const struct {
        const char *key;
        char **value;
    } keys[] = {{"ID=", &release->id},
                {"NAME=", &release->name},
                {"PRETTY_NAME=", &release->pretty_name},
                {"VERSION_ID=", &release->version_id}};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t n = strlen(keys[i].key);
        char *value;

        if (len < n || memcmp(line, keys[i].key, n) != 0)
            continue;
        value = unquote(line + n, len - n);
        if (value == NULL)
            return err_no_memory(e);
        make_utf8(value);
        text_make_line(value);
        free(*keys[i].value);
        *keys[i].value = value;
    }
    return 0;
}

int release_parse(const char *text, size_t len, struct release *release, struct err *e)
{
    const char *end = text + len;

    *release = (struct release){0};
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;

        while (text < stop && (*text == ' ' || *text == '\t'))
            text++;
        if (take_line(text, (size_t)(stop - text), release, e) < 0) {
            release_free(release);
            return -1;
        }
        text = stop + 1;
    }
    return 0;
}

void release_free(struct release *release)
{
    free(release->id);
    free(release->name);
    free(release->pretty_name);
    free(release->version_id);
    *release = (struct release){0};
}
