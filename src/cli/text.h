// SPDX-License-Identifier: GPL-3.0-or-later
/* text.h: what a terminal may be given. Labels, names and models are whatever somebody wrote on a
 * disk; a terminal takes some characters for commands. */
#ifndef BERTH_CLI_TEXT_H
#define BERTH_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* True when the locale of the environment writes UTF-8. */
bool text_is_utf8(void);

/* A copy in which everything that is not printable in the locale, and what changes the direction of
 * writing, is a "?". NULL for NULL and without memory. The caller frees it. */
char *text_safe(const char *text);

/* How many columns of a terminal such text takes. */
size_t text_columns(const char *safe);

/* Prints lead and text, made safe, and ends the line. On a terminal, lines break between words and
 * go on below the end of lead; a word that is longer than a line is left to the terminal. */
void text_print(FILE *out, const char *lead, const char *text);

/* The same with the width given; 0: one line, however long. */
void text_wrap(FILE *out, const char *lead, const char *text, size_t width);

/* How many columns the terminal on standard output has; 80 where that is not known. */
size_t text_width(void);

#endif
