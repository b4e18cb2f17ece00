// SPDX-License-Identifier: GPL-3.0-or-later
/* route.c: the kernel's lists of routes, a line each. */
#include "engine/route.h"

#include <linux/ipv6_route.h>
#include <linux/route.h>
#include <stdio.h>
#include <string.h>

#define LINE 256

static bool is_used(unsigned flags)
{
    return (flags & RTF_UP) != 0 && (flags & RTF_REJECT) == 0;
}

static bool is_default_v4(const char *line)
{
    char destination[9], mask[9];
    unsigned flags;

    return sscanf(line, "%*s %8s %*s %x %*s %*s %*s %8s", destination, &flags, mask) == 3 &&
           strcmp(destination, "00000000") == 0 && strcmp(mask, "00000000") == 0 && is_used(flags);
}

static bool is_default_v6(const char *line)
{
    unsigned length, flags;

    return sscanf(line, "%*s %x %*s %*s %*s %*s %*s %*s %x", &length, &flags) == 2 && length == 0 &&
           is_used(flags);
}

static bool has_default(const char *path, bool unread, bool (*is_default)(const char *line))
{
    FILE *file = fopen(path, "re");
    char line[LINE];
    bool found = false;

    if (file == NULL)
        return unread;
    while (!found && fgets(line, sizeof(line), file) != NULL)
        found = is_default(line);
    fclose(file);
    return found;
}

/* A kernel without IPv6 has no list of its routes. */
bool route_is_there(void)
{
    return has_default("/proc/self/net/route", true, is_default_v4) ||
           has_default("/proc/self/net/ipv6_route", false, is_default_v6);
}
