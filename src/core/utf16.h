// SPDX-License-Identifier: GPL-3.0-or-later
/* utf16.h: UTF-16LE, as GPT names and FAT's long names have it, and UTF-8. */
#ifndef BERTH_CORE_UTF16_H
#define BERTH_CORE_UTF16_H

#include <stddef.h>
#include <stdint.h>

#define UTF16_TEXT(units) ((units)*3 + 1) /* room for so many units as UTF-8, with the NUL */

/* Up to n little-endian units, or to the first that is 0, as UTF-8 in `text` (UTF16_TEXT(n) bytes).
 * Half a surrogate pair becomes the replacement character U+FFFD. Returns text. */
char *utf16_to_utf8(const void *units, size_t n, char *text);

/* The number of units that the text needs; they are put into `units` (room for `room`), as long as
 * they fit, little-endian, and zeros behind them. -1 when the text is not UTF-8. */
int utf16_from_utf8(const char *text, void *units, size_t room);

#endif
