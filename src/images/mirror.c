// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * mirror.c: reads apt's own configuration through apt, which knows every form it may have. Who a
 * mirror is shows in the Release file that apt has verified: origin "Debian" with the label
 * "Debian" or "Debian-Security".
 */
#include "images/mirror.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"
#include "images/image.h"

#include <string.h>

static int add_line(struct strings *lines, const char *uri, const char *suite, const char *more,
                    const char *components, struct err *e)
{
    _cleanup_free_ char *line = io_format(e, "deb %s %s%s %s", uri, suite, more, components);

    if (line == NULL)
        return -1;
    return strings_have(lines, line) ? 0 : strings_add(lines, line, strlen(line), e);
}

/* "main contrib". */
static char *join(const struct strings *words, struct err *e)
{
    char *text = io_format(e, "%s", words->items[0]);

    for (size_t i = 1; text != NULL && i < words->n; i++) {
        char *longer = io_format(e, "%s %s", text, words->items[i]);

        free(text);
        text = longer;
    }
    return text;
}

struct mirrors {
    char *main, *security; /* the first of each kind counts */
};

static int take_target(char *line, struct mirrors *mirrors, struct err *e)
{
    const char *origin = strsep(&line, "|"), *label = strsep(&line, "|");
    const char *uri = strsep(&line, "|");
    char **to;

    if (uri == NULL || strcmp(origin, "Debian") != 0 || strpbrk(uri, " \t") != NULL)
        return 0;
    if (strcmp(label, "Debian") == 0)
        to = &mirrors->main;
    else if (strcmp(label, "Debian-Security") == 0)
        to = &mirrors->security;
    else
        return 0;
    if (*to == NULL)
        *to = io_format(e, "%s", uri);
    return *to != NULL ? 0 : -1;
}

static int make_lines(const struct mirrors *mirrors, const struct recipe *recipe,
                      struct strings *lines, struct err *e)
{
    _cleanup_free_ char *components = join(&recipe->components, e);

    if (components == NULL)
        return -1;
    if (mirrors->main == NULL)
        return 0;
    if (add_line(lines, mirrors->main, recipe->suite, "", components, e) < 0 ||
        add_line(lines, mirrors->main, recipe->suite, "-updates", components, e) < 0)
        return -1;
    if (mirrors->security == NULL)
        return 0;
    return add_line(lines, mirrors->security, recipe->suite, "-security", components, e);
}

int mirror_lines_from(const char *targets, const struct recipe *recipe, struct strings *lines,
                      struct err *e)
{
    _cleanup_free_ char *copy = io_format(e, "%s", targets);
    struct mirrors mirrors = {0};
    char *next = copy, *line;
    int result = copy != NULL ? 0 : -1;

    while (result == 0 && (line = strsep(&next, "\n")) != NULL)
        result = take_target(line, &mirrors, e);
    if (result == 0)
        result = make_lines(&mirrors, recipe, lines, e);
    free(mirrors.main);
    free(mirrors.security);
    return result;
}

int mirror_lines(const struct recipe *recipe, struct strings *lines, struct err *e)
{
    _cleanup_free_ char *targets = NULL;

    if (spawn_tool(&targets, e, "apt-get", "indextargets", "--format", MIRROR_FORMAT,
                   "Created-By: Packages", NULL) < 0)
        return err_wrap(e, "finding a Debian mirror");
    return mirror_lines_from(targets, recipe, lines, e);
}
