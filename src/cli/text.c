// SPDX-License-Identifier: GPL-3.0-or-later
/* text.c: the locale, the terminal's width, and text without control characters. */
#include "cli/text.h"
#include "core/cleanup.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#define WIDTH_UNKNOWN 80

/* The locale is looked up when the first text is printed: JSON needs none. */
static void use_locale(void)
{
    static bool done;

    if (!done)
        setlocale(LC_CTYPE, "");
    done = true;
}

bool text_is_utf8(void)
{
    use_locale();
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Embedding, overriding and isolating marks (Unicode Standard Annex 9, section 2): with them a name
 * could show as another one. */
static bool changes_direction(wchar_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f || c == 0x061c;
}

/* The bytes of UTF-8 that belong to a character before them. */
static size_t count_trailing(const char *text)
{
    size_t n = 0;

    while (((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

char *text_safe(const char *text)
{
    size_t left = text != NULL ? strlen(text) : 0;
    char *safe = text != NULL ? malloc(left + 1) : NULL, *to = safe;
    mbstate_t state = {0};

    use_locale();
    while (safe != NULL && left > 0) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, left, &state);

        if (n == (size_t)-1 || n == (size_t)-2) {
            memset(&state, 0, sizeof(state));
            n = 1 + count_trailing(text + 1);
            *to++ = '?';
        } else if (!iswprint((wint_t)c) || changes_direction(c)) {
            *to++ = '?';
        } else {
            memcpy(to, text, n);
            to += n;
        }
        text += n;
        left -= n;
    }
    if (safe != NULL)
        *to = '\0';
    return safe;
}

/* The columns of so many bytes of safe text. */
static size_t columns_of(const char *text, size_t len)
{
    mbstate_t state = {0};
    size_t columns = 0, n;
    wchar_t c;

    for (size_t at = 0; at < len; at += n) {
        n = mbrtowc(&c, text + at, len - at, &state);
        if (n == 0 || n > len - at)
            return columns;
        columns += wcwidth(c) > 0 ? (size_t)wcwidth(c) : 0;
    }
    return columns;
}

size_t text_columns(const char *safe)
{
    use_locale();
    return columns_of(safe, strlen(safe));
}

void text_wrap(FILE *out, const char *lead, const char *text, size_t width)
{
    _cleanup_free_ char *safe = text_safe(text);
    const char *word = safe != NULL ? safe : "?";
    size_t indent = columns_of(lead, strlen(lead)), column = indent;

    fputs(lead, out);
    while (*word != '\0') {
        size_t spaces = strspn(word, " "), len = strcspn(word + spaces, " ");
        size_t columns = columns_of(word + spaces, len);

        if (width > indent && column > indent && column + spaces + columns > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            word += spaces;
            spaces = 0;
        }
        fprintf(out, "%.*s", (int)(spaces + len), word);
        column += spaces + columns;
        word += spaces + len;
    }
    fputc('\n', out);
}

void text_print(FILE *out, const char *lead, const char *text)
{
    text_wrap(out, lead, text, isatty(fileno(out)) ? text_width() : 0);
}

size_t text_width(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : WIDTH_UNKNOWN;
}
