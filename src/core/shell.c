// SPDX-License-Identifier: GPL-3.0-or-later
/* shell.c: quoting. */
#include "core/shell.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* No shell takes these for more than themselves; bytes beyond ASCII are parts of letters. */
static bool is_plain(const char *text)
{
    const char *c = text;

    while (isalnum((unsigned char)*c) || (unsigned char)*c >= 0x80 ||
           (*c != '\0' && strchr("-_./:@%+,", *c) != NULL))
        c++;
    return *text != '\0' && *c == '\0';
}

/* Appends len bytes where there is room for them and the end; false where there is not. */
static bool append(struct shell_word *word, size_t *fill, const char *text, size_t len)
{
    if (*fill + len >= sizeof(word->text))
        return false;
    memcpy(word->text + *fill, text, len);
    *fill += len;
    return true;
}

struct shell_word shell_quote(const char *text)
{
    struct shell_word word = {""};
    const char *quote = is_plain(text) ? "" : "'";
    size_t fill = 0;
    bool room = append(&word, &fill, quote, strlen(quote));

    for (; room && *text != '\0'; text++)
        room = *text == '\'' ? append(&word, &fill, "'\\''", 4) : append(&word, &fill, text, 1);
    return room && append(&word, &fill, quote, strlen(quote)) ? word : (struct shell_word){"..."};
}
