// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * repart_file.c: the text of a repart.d file: systemd's ini syntax (systemd.syntax(7)). Pure.
 *
 * A backslash at the end of a line joins it with the next; lines that start with # or ; are
 * comments, between joined lines too.
 */
#include "core/cleanup.h"
#include "partition/repart.h"

#include <ctype.h>
#include <string.h>

struct reader {
    struct repart_partition *partition;
    bool in_partition; /* within [Partition] */
    bool in_other;     /* within a section of somebody else's, [X-...] */
};

static char *strip(char *text)
{
    char *end = text + strlen(text);

    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

static int read_section(struct reader *reader, char *text, struct err *e)
{
    size_t len = strlen(text);

    if (text[len - 1] != ']')
        return err_set(e, ERR_SYNTAX, "found \"%s\", expected [Partition]", text);
    reader->in_partition = strcmp(text, "[Partition]") == 0;
    reader->in_other = strncmp(text, "[X-", 3) == 0;
    if (!reader->in_partition && !reader->in_other)
        return err_set(e, ERR_SYNTAX, "found \"%s\", expected [Partition]", text);
    return 0;
}

/* One line, joined ones being one. */
static int read_line(struct reader *reader, char *text, struct err *e)
{
    char *equals;

    text = strip(text);
    if (*text == '\0')
        return 0;
    if (*text == '[')
        return read_section(reader, text, e);
    if (reader->in_other)
        return 0;
    if (!reader->in_partition)
        return err_set(e, ERR_SYNTAX, "found \"%s\" before [Partition]", text);
    equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return err_set(e, ERR_SYNTAX, "found \"%s\", expected KEY=VALUE", text);
    *equals = '\0';
    return repart_key_set(reader->partition, strip(text), strip(equals + 1), e);
}

/* An odd number of backslashes at the end: the last of them is not escaped itself. */
static bool goes_on(const char *line)
{
    size_t len = strlen(line), slashes = 0;

    while (slashes < len && line[len - slashes - 1] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

static bool is_comment(const char *line)
{
    line += strspn(line, " \t\r");
    return *line == '#' || *line == ';';
}

/* Appends to the line that is being joined, a new string. */
static int join(char **joined, const char *line, struct err *e)
{
    size_t before = *joined == NULL ? 0 : strlen(*joined), len = strlen(line);
    char *grown = realloc(*joined, before + len + 1);

    if (grown == NULL)
        return err_no_memory(e);
    memcpy(grown + before, line, len + 1);
    *joined = grown;
    return 0;
}

int repart_file_parse(const char *text, const char *name, struct repart_partition *partition,
                      struct err *e)
{
    struct reader reader = {.partition = partition};
    _cleanup_free_ char *copy = strdup(text), *joined = NULL;
    char *next = copy, *line;
    unsigned number = 0;

    if (copy == NULL)
        return err_no_memory(e);
    if (strncmp(next, "\xef\xbb\xbf", 3) == 0)
        next += 3;
    while ((line = strsep(&next, "\n")) != NULL) {
        bool more = goes_on(line) && next != NULL;

        number++;
        if (is_comment(line))
            continue;
        if (goes_on(line))
            line[strlen(line) - 1] = ' ';
        if (join(&joined, line, e) < 0)
            return -1;
        if (more)
            continue;
        if (read_line(&reader, joined, e) < 0)
            return err_wrap(e, "%s:%u", name, number);
        *joined = '\0';
    }
    if (joined != NULL && read_line(&reader, joined, e) < 0)
        return err_wrap(e, "%s:%u", name, number);
    return 0;
}
