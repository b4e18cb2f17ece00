// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * grub_quote.c: quotes words for GRUB's script language (GRUB manual, "Quoting"). Between single
 * quotes nothing is special but the single quote itself.
 */
#include "bootmenu/grub_quote.h"

#include <stdbool.h>

/* The bytes behind the first of a UTF-8 character. */
static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

static void put_char(FILE *out, unsigned char c)
{
    if (c == '\'')
        fputs("'\\''", out); /* out of the quotes, a quote, in again */
    else if (c < ' ' || c == 0x7f)
        fputc(' ', out);
    else if (c < 0x80)
        fputc(c, out);
    else if (!is_continuation(c))
        fputc('?', out);
}

void grub_quote(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++)
        put_char(out, (unsigned char)*text);
    fputc('\'', out);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void grub_quote_options(FILE *out, const char *options)
{
    bool in_word = false, in_quotes = false;

    for (const char *p = options; *p != '\0'; p++) {
        bool ends = is_space(*p) && !in_quotes;

        if (!ends && !in_word)
            fputs(" '", out);
        if (ends && in_word)
            fputc('\'', out);
        in_word = !ends;
        if (*p == '"')
            in_quotes = !in_quotes;
        else if (!ends)
            put_char(out, (unsigned char)*p);
    }
    if (in_word)
        fputc('\'', out);
}
