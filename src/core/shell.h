// SPDX-License-Identifier: GPL-3.0-or-later
/* shell.h: words for commands that a person is told to type. berth itself never runs a shell. */
#ifndef BERTH_CORE_SHELL_H
#define BERTH_CORE_SHELL_H

struct shell_word {
    char text[1024];
};

/* The text as one word of a shell's command line (POSIX.1-2017, Shell Command Language 2.2.2): as
 * it is where that is one already, else in single quotes. A text too long for that is "...", which
 * names nothing. For use in one expression: shell_quote(path).text. */
struct shell_word shell_quote(const char *text);

#endif
