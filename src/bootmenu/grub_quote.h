// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * grub_quote.h: words of others as words of a GRUB script. Whatever the text holds, GRUB sees one
 * literal word: it can neither end the quoting nor name a variable.
 */
#ifndef BERTH_BOOTMENU_GRUB_QUOTE_H
#define BERTH_BOOTMENU_GRUB_QUOTE_H

#include <stdio.h>

/* Writes text as one single-quoted word. Control characters become spaces; a character that is not
 * ASCII becomes "?", since neither a serial line nor a text screen could show it. */
void grub_quote(FILE *out, const char *text);

/* Writes each of the kernel's options as a quoted word with a space before it. Options are
 * separated by white space; double quotes keep it within one, as the kernel's own parser has it
 * (lib/cmdline.c, next_arg), and are dropped, since GRUB quotes such a word again. */
void grub_quote_options(FILE *out, const char *options);

#endif
