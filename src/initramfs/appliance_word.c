// SPDX-License-Identifier: GPL-3.0-or-later
/* appliance_word.c: three lines; the name comes last, since it may have any bytes. */
#include "initramfs/appliance_word.h"
#include "core/io.h"

#include <stdlib.h>
#include <string.h>

char *appliance_word_print(const struct appliance_word *word, struct err *e)
{
    return io_format(e, "%s\n%llu\n%s", word->fs, (unsigned long long)word->bytes, word->name);
}

int appliance_word_parse(char *text, struct appliance_word *word, struct err *e)
{
    const char *fs = strsep(&text, "\n"), *bytes = strsep(&text, "\n");
    char *end;

    if (text == NULL || *bytes < '0' || *bytes > '9')
        return err_set(e, ERR_SYNTAX, "the virtual machine was told something else");
    *word = (struct appliance_word){fs, strtoull(bytes, &end, 10), text};
    return *end == '\0' ? 0 : err_set(e, ERR_SYNTAX, "the size \"%s\" is no number", bytes);
}
