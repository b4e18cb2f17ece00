// SPDX-License-Identifier: GPL-3.0-or-later
/* completion.c: what the three shells' scripts have in common. */
#include "cli/completion.h"

#include <string.h>

char *completion_first_word(const struct command *command, char *buf, size_t len)
{
    snprintf(buf, len, "%.*s", (int)strcspn(command->words, " "), command->words);
    return buf;
}

const char *completion_second_word(const struct command *command)
{
    const char *blank = strchr(command->words, ' ');

    return blank != NULL ? blank + 1 : NULL;
}

bool completion_has(const struct command *command)
{
    return command->purpose != NULL;
}

bool completion_is_new_word(const struct command *command)
{
    size_t len = strcspn(command->words, " ");

    for (const struct command *other = commands; other < command; other++)
        if (strcspn(other->words, " ") == len && strncmp(other->words, command->words, len) == 0)
            return false;
    return true;
}

bool completion_has_value(const struct option_row *row)
{
    return row->kind == OPTION_TEXT || row->kind == OPTION_LIST;
}
