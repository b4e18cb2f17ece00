// SPDX-License-Identifier: GPL-3.0-or-later
/* accounts.c: finds lines and fields of colon-separated text, and splices others in. */
#include "images/accounts.h"
#include "core/cleanup.h"
#include "core/io.h"

#include <string.h>

#define FIRST_ID 1000U
#define LAST_ID  59999U /* Debian Policy 9.2.2 */

/* The line that starts with "name:", or NULL. */
static const char *find_line(const char *text, const char *name)
{
    size_t len = strlen(name);

    while (*text != '\0') {
        if (strncmp(text, name, len) == 0 && text[len] == ':')
            return text;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return NULL;
}

/* Field number n of a line, and its length; NULL when the line has fewer. */
static const char *find_field(const char *line, unsigned n, size_t *len)
{
    while (n > 0) {
        line += strcspn(line, ":\n");
        if (*line != ':')
            return NULL;
        line++;
        n--;
    }
    *len = strcspn(line, ":\n");
    return line;
}

bool accounts_have(const char *text, const char *name)
{
    return find_line(text, name) != NULL;
}

static bool id_is_used(const char *text, uint32_t id)
{
    while (*text != '\0') {
        size_t len;
        const char *field = find_field(text, 2, &len);

        if (field != NULL && len > 0 && strtoul(field, NULL, 10) == id)
            return true;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return false;
}

int accounts_free_id(const char *passwd, const char *group, uint32_t *id, struct err *e)
{
    for (uint32_t candidate = FIRST_ID; candidate <= LAST_ID; candidate++) {
        if (id_is_used(passwd, candidate) || id_is_used(group, candidate))
            continue;
        *id = candidate;
        return 0;
    }
    return err_set(e, ERR_FAILED, "no user number from %u to %u is free", FIRST_ID, LAST_ID);
}

int accounts_append(char **text, const char *line, struct err *e)
{
    size_t len = strlen(*text);
    const char *between = len > 0 && (*text)[len - 1] != '\n' ? "\n" : "";
    char *longer = io_format(e, "%s%s%s\n", *text, between, line);

    if (longer == NULL)
        return -1;
    free(*text);
    *text = longer;
    return 0;
}

/* Replaces len bytes at `at`, which lies inside *text. */
static int splice(char **text, const char *at, size_t len, const char *value, struct err *e)
{
    char *changed = io_format(e, "%.*s%s%s", (int)(at - *text), *text, value, at + len);

    if (changed == NULL)
        return -1;
    free(*text);
    *text = changed;
    return 0;
}

static int find(const char *text, const char *name, unsigned n, const char **field, size_t *len,
                struct err *e)
{
    const char *line = find_line(text, name);

    if (line == NULL)
        return err_set(e, ERR_NOT_FOUND, "no line \"%s\"", name);
    *field = find_field(line, n, len);
    if (*field == NULL)
        return err_set(e, ERR_NOT_FOUND, "the line \"%s\" is cut short", name);
    return 0;
}

int accounts_set(char **text, const char *name, unsigned field, const char *value, struct err *e)
{
    const char *at;
    size_t len;

    if (find(*text, name, field, &at, &len, e) < 0)
        return -1;
    return splice(text, at, len, value, e);
}

static bool is_member(const char *members, size_t len, const char *user)
{
    const char *end = members + len;
    size_t n = strlen(user);

    while (members < end) {
        size_t part = strcspn(members, ",:\n");

        if (part == n && memcmp(members, user, n) == 0)
            return true;
        members += part + 1;
    }
    return false;
}

int accounts_join(char **text, const char *group, const char *user, struct err *e)
{
    _cleanup_free_ char *added = NULL;
    const char *members;
    size_t len;

    if (find(*text, group, 3, &members, &len, e) < 0)
        return -1;
    if (is_member(members, len, user))
        return 0;
    added = io_format(e, "%s%s", len > 0 ? "," : "", user);
    if (added == NULL)
        return -1;
    return splice(text, members + len, 0, added, e);
}
