// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * completion_fish.c: completion for fish: a `complete` line for each word, option and operand,
 * under a condition on the words before (complete(1) of fish).
 */
#include "cli/completion.h"

#include <string.h>

static const char functions[] =
    "# The words before the cursor that are neither options nor their values; berth is left out.\n"
    "function __berth_words\n"
    "    set -l tokens (commandline -opc)\n"
    "    set -l skip 1\n"
    "    for token in $tokens\n"
    "        if test $skip = 1\n"
    "            set skip 0\n"
    "        else if contains -- $token $__berth_valued\n"
    "            set skip 1\n"
    "        else if not string match -q -- '-*' $token\n"
    "            echo -- $token\n"
    "        end\n"
    "    end\n"
    "end\n"
    "\n"
    "# True when exactly these words stand before the cursor, or more where $argv[1] is \"+\".\n"
    "function __berth_at\n"
    "    set -l words (__berth_words)\n"
    "    set -l wanted $argv[2..-1]\n"
    "    set -l n (count $wanted)\n"
    "    test $argv[1] = + -o (count $words) = $n; or return 1\n"
    "    test (count $words) -ge $n; or return 1\n"
    "    test $n = 0; and return 0\n"
    "    test \"$words[1..$n]\" = \"$wanted\"\n"
    "end\n"
    "\n"
    "# True at the operand number $argv[1] (\"3+\": that one or a later one) of a command.\n"
    "function __berth_operand\n"
    "    set -l number (string replace + '' -- $argv[1])\n"
    "    set -l at (math (count (__berth_words)) - (count $argv) + 2)\n"
    "    __berth_at + $argv[2..-1]; or return 1\n"
    "    # with --disk, a command has no operand DISK\n"
    "    contains -- \"$argv[2..-1]\" $__berth_of_disks\n"
    "    and contains -- --disk (commandline -opc)\n"
    "    and set at (math $at + 1)\n"
    "    test $at = $number; and return 0\n"
    "    string match -q '*+' -- $argv[1]; and test $at -gt $number\n"
    "end\n"
    "\n"
    "# Candidates of the kind $argv[1], on the disk that --disk names, or the command's first\n"
    "# operand, behind $argv[2] words.\n"
    "function __berth_value\n"
    "    set -l tokens (commandline -opc)\n"
    "    set -l words (__berth_words)\n"
    "    set -l disk $words[(math $argv[2] + 1)]\n"
    "    if set -l at (contains -i -- --disk $tokens)\n"
    "        set disk $tokens[(math $at + 1)]\n"
    "    end\n"
    "    set -l before\n"
    "    contains -- $argv[1] column attribute; and set before (commandline -ct | string replace "
    "-r '[^,]*$' '')\n"
    "    set disk (string replace -r '^~/' \"$HOME/\" -- $disk)\n"
    "    printf '%s\\n' \"$before\"(berth complete $argv[1] $disk 2>/dev/null)\n"
    "end\n"
    "\n"
    "complete -c berth -f\n";

/* Text in single quotes. */
static void print_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++)
        fprintf(out, strchr("'\\", *text) != NULL ? "\\%c" : "%c", *text);
    fputc('\'', out);
}

static unsigned count_words(const char *words)
{
    return *words == '\0' ? 0 : strchr(words, ' ') != NULL ? 2 : 1;
}

/* What may stand there: " -a '...'", with -F where files may. */
static void print_candidates(FILE *out, const struct option_row *row, const char *words)
{
    switch (row->of) {
    case VALUE_TEXT:
        break;
    case VALUE_WORD:
        fprintf(out, " -a '%s'", row->words);
        break;
    case VALUE_FILE:
        fprintf(out, " -F");
        break;
    case VALUE_FOLDER:
        fprintf(out, " -a '(__fish_complete_directories (commandline -ct))'");
        break;
    default:
        fprintf(out, "%s -a '(__berth_value %s %u)'", row->of == VALUE_DISK ? " -F" : "",
                value_word(row->of), count_words(words));
    }
}

/* An option of a command, or of all where words is empty. */
static void print_option(FILE *out, const struct option_row *row, const char *words)
{
    fprintf(out, "complete -c berth");
    if (*words != '\0')
        fprintf(out, " -n '__berth_at + %s'", words);
    fprintf(out, " -l %s", row->name);
    if (row->letter != 0)
        fprintf(out, " -s %c", row->letter);
    if (completion_has_value(row))
        fprintf(out, row->of == VALUE_FILE || row->of == VALUE_DISK ? " -r" : " -x");
    if (completion_has_value(row) || row->kind == OPTION_MAYBE)
        print_candidates(out, row, words);
    fprintf(out, " -d ");
    print_quoted(out, row->purpose);
    fputc('\n', out);
}

static void print_rows(FILE *out, const struct option_row *row, const char *words)
{
    unsigned operand = 0;

    for (; row->kind != OPTION_END; row++) {
        if (option_is_operand(row)) {
            fprintf(out, "complete -c berth -n '__berth_operand %u%s %s'", ++operand,
                    row->kind == OPERAND_LIST ? "+" : "", words);
            print_candidates(out, row, words);
            fputc('\n', out);
        } else if (row->kind != OPTION_COMMON) {
            print_option(out, row, words);
        }
    }
}

/* A command's words: the first, where no other command has shown it, and the second. */
static void print_words(FILE *out, const struct command *command)
{
    const char *second = completion_second_word(command);
    char first[32];

    completion_first_word(command, first, sizeof(first));
    if (completion_is_new_word(command)) {
        fprintf(out, "complete -c berth -n '__berth_at =' -a %s -d ", first);
        print_quoted(out, second != NULL ? "more commands" : command->purpose);
        fputc('\n', out);
    }
    if (second != NULL) {
        fprintf(out, "complete -c berth -n '__berth_at = %s' -a %s -d ", first, second);
        print_quoted(out, command->purpose);
        fputc('\n', out);
    }
}

/* The names of all options that want a value, for telling values from operands. */
static void print_valued(FILE *out, const struct option_row *row)
{
    for (; row->kind != OPTION_END; row++) {
        if (!completion_has_value(row))
            continue;
        fprintf(out, " --%s", row->name);
        if (row->letter != 0)
            fprintf(out, " -%c", row->letter);
    }
}

void completion_fish(FILE *out)
{
    fprintf(out, "# Completion of berth for fish; made by `berth completion fish`.\n\n"
                 "set -g __berth_valued");
    print_valued(out, common_options);
    for (size_t i = 0; i < n_commands; i++)
        print_valued(out, commands[i].options);
    fprintf(out, "\nset -g __berth_of_disks");
    for (size_t i = 0; i < n_commands; i++)
        for (const struct option_row *row = commands[i].options; row->kind != OPTION_END; row++)
            if (row->kind == OPERAND_DISK)
                fprintf(out, " '%s'", commands[i].words);
    fprintf(out, "\n\n%s", functions);
    print_rows(out, common_options, "");
    for (size_t i = 0; i < n_commands; i++) {
        if (!completion_has(&commands[i]))
            continue;
        print_words(out, &commands[i]);
        print_rows(out, commands[i].options, commands[i].words);
    }
}
