// SPDX-License-Identifier: GPL-3.0-or-later
/* listener.c: cuts what is said into lines. */
#include "engine/listener.h"

#include <stdio.h>
#include <string.h>

#define OURS  "berth: "
#define PANIC "Kernel panic"

static void take_line(struct listener *l)
{
    const char *panic = strstr(l->line, PANIC);

    if (strncmp(l->line, OURS, strlen(OURS)) == 0)
        snprintf(l->said, sizeof(l->said), "%s", l->line + strlen(OURS));
    else if (panic != NULL && l->panic[0] == '\0')
        snprintf(l->panic, sizeof(l->panic), "%s", panic);
}

static void take_byte(struct listener *l, char byte)
{
    if (byte != '\n') {
        if (l->len < sizeof(l->line) - 1)
            l->line[l->len++] = (unsigned char)byte < ' ' ? ' ' : byte;
        return;
    }
    while (l->len > 0 && l->line[l->len - 1] == ' ')
        l->len--;
    l->line[l->len] = '\0';
    l->len = 0;
    take_line(l);
}

void listener_take(struct listener *l, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        take_byte(l, bytes[i]);
}
